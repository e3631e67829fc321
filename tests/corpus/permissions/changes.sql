UPDATE grants SET revoked_at = timestamptz '2024-05-01 00:00+00' WHERE id % 8 = 1;
BEGIN; DELETE FROM members WHERE group_id = 2; UPDATE people SET locked = true WHERE id = 3; COMMIT;
UPDATE documents SET folder_id = 3, public = NOT public WHERE owner_id < 5;
