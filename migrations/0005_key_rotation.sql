-- A rotation of the key-encryption key writes every wrapped data key anew, those of the installation too.

GRANT UPDATE (wrapped) ON installation_key TO factorlog_app;
