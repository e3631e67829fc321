UPDATE employees SET boss_id = 3 WHERE id IN (9, 10);
UPDATE departments SET name = 'Science', parent_id = 4 WHERE id = 2;
BEGIN; UPDATE employees SET left_on = '2024-02-01' WHERE id = 5; UPDATE assignments SET share = 1 WHERE project_id = 1; UPDATE desks SET employee_id = NULL WHERE id = 4; COMMIT;
