CREATE TABLE users (id int PRIMARY KEY, name text, email text, deleted_at timestamp);
CREATE TABLE orders (id int PRIMARY KEY, user_id int NOT NULL, status text NOT NULL, placed_at timestamp, total numeric);
CREATE TABLE order_items (id int PRIMARY KEY, order_id int NOT NULL, product_id int, quantity int, unit_price numeric);
CREATE TABLE products (id int PRIMARY KEY, title text, category text, tags text[]);
CREATE TABLE bans (id int PRIMARY KEY, user_id int, reason text);
CREATE TABLE rates (id int PRIMARY KEY, day date, rate numeric);
