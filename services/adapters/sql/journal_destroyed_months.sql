-- Months whose keys were destroyed, of every company.
SELECT company_id, month
FROM destroyed_month
