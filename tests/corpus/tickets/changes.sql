UPDATE tickets SET priority = 'urgent', archived = NULL WHERE id IN (6, 7);
UPDATE agents SET name = 'Someone', team_id = 2 WHERE id = 1;
BEGIN; UPDATE events SET minutes = 1000 WHERE id = 10; DELETE FROM ticket_labels WHERE ticket_id < 5; UPDATE labels SET color = 'green' WHERE name = 'bug'; COMMIT;
