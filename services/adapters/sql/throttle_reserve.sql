-- $1 subjects (sorted, so that two callers never lock each other out), $2 tries, $3 window seconds, $4 now.
SELECT wait_seconds, first_refusal, tried FROM throttle_reserve($1, $2, $3, $4)
