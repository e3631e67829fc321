UPDATE visits SET cost = 1, took = NULL WHERE doctor_id = 2;
BEGIN; UPDATE patients SET deceased = true WHERE name = 'Patient 2'; UPDATE drugs SET class = 'pain' WHERE id = 2; COMMIT;
DELETE FROM prescriptions WHERE dose > 8;
