-- Which restore this database has been through.
SELECT epoch
FROM installation
