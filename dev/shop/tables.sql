-- The shop: what the demo, the tests and the bench read. Plain SQL; runs once in an empty database.
--
--   users ◄─ addresses            categories ◄─ categories
--     ▲          ▲                     ▲
--   orders ──────┘                 products ◄─ reviews, product_tags ─► tags
--     ▲  └─► shops                     ▲
--   order_items ───────────────────────┘        stock.levels (shop, product)

create schema stock;

create table users (
  id int primary key,
  email text not null,
  name text not null,
  tier text not null,
  joined date not null,
  deleted_at timestamptz
);

create table addresses (
  id int primary key,
  user_id int not null references users,
  kind text not null,
  street text not null,
  city text not null,
  country char(2) not null
);

-- A shop is the hot row of the bench: the first sits under 10 orders, the second under 1,000,
-- the third under 100,000 (as far as the orders go).
create table shops (
  id int primary key,
  name text not null,
  city text not null
);

create table categories (
  id int primary key,
  parent_id int references categories,
  name text not null
);

create table products (
  id int primary key,
  category_id int references categories,
  sku text not null,
  name text not null,
  price numeric(10,2) not null,
  weight double precision,
  active boolean not null,
  attributes jsonb,
  added timestamp not null
);

create table tags (
  id int primary key,
  label text not null
);

create table product_tags (
  product_id int references products,
  tag_id int references tags,
  primary key (product_id, tag_id)
);

create table orders (
  id bigint primary key,
  user_id int not null references users,
  address_id int references addresses,
  shop_id int not null references shops,
  status text not null,
  note text,
  placed_at timestamptz not null
);

create table order_items (
  id bigint primary key,
  order_id bigint not null references orders,
  product_id int not null references products,
  quantity int not null,
  unit_price numeric(10,2) not null
);

create table order_tags (
  order_id bigint references orders,
  tag_id int references tags,
  primary key (order_id, tag_id)
);

create table reviews (
  id int primary key,
  product_id int not null references products,
  user_id int not null references users,
  rating smallint not null,
  body text
);

create table stock.levels (
  shop_id int not null,
  product_id int not null,
  quantity int not null,
  primary key (shop_id, product_id)
);

-- Deployments that ask Postgres for each document cannot do without these; flusso can.
create index on addresses (user_id);
create index on orders (user_id);
create index on orders (address_id);
create index on orders (shop_id);
create index on order_items (order_id);
create index on order_items (product_id);
create index on order_tags (tag_id);
create index on product_tags (tag_id);
create index on products (category_id);
create index on reviews (product_id);
create index on reviews (user_id);
create index on stock.levels (product_id);
