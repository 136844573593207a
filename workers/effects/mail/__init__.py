"""The texts of mails, one module a language."""
