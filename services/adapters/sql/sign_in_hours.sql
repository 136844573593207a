-- $1 company, $2 from: sign-ins by the hour, and what was refused at it.
SELECT h.hour, h.refused, h.events
FROM sign_in_hour AS h
WHERE h.company_id = $1 AND h.hour >= $2
ORDER BY h.hour, h.refused
