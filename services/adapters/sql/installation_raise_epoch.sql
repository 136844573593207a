-- $1 epoch: never goes back.
UPDATE installation
SET epoch = $1
WHERE epoch < $1
