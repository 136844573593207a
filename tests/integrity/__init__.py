"""The verifiable log as an outsider sees it: exported, tampered with, judged by our verifier and by foreign ones."""
