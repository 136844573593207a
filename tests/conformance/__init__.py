"""The service against its own OpenAPI document and against public standards."""
