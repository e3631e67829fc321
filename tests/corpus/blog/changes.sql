UPDATE comments SET spam = NOT spam WHERE id % 10 = 0;
UPDATE posts SET status = 'published', keywords = ARRAY['new'] WHERE id = 5;
BEGIN; UPDATE series_posts SET position = position + 5 WHERE post_id = 2; UPDATE authors SET name = 'Renamed' WHERE active; COMMIT;
