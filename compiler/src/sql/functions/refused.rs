//! What Postgres has and this language has not, with the reason.
//!
//! Two lists: names that are refused whatever they are called with, and overloads of names that
//! are known, which must take part in the choice so that the others keep their meaning.

use super::Ty;

/// Why something is refused, and what to do instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The reason, a sentence without a full stop.
    pub why: &'static str,
    /// The nearest thing that is supported.
    pub cure: &'static str,
}

const fn of(why: &'static str, cure: &'static str) -> Reason {
    Reason { why, cure }
}

const CLOCK: Reason = of(
    "its value changes with the clock, and a document changes only with its rows",
    "keep the moment in the document, and compare it with the time when searching",
);
const CHANCE: Reason = of(
    "its value is another each time, and a document must be one value of its rows",
    "let a default of the table make it, and show the column",
);
const SESSION: Reason = of(
    "its value depends on who asks, and documents are made for everyone",
    "keep in the document what it depends on, and filter by it when searching",
);
const LIBRARY: Reason = of(
    "its last digits depend on the server's C library, and a document must equal what Postgres says",
    "multiply and divide, or keep the result in a column of the table",
);
const PLACE: Reason =
    of("it reads the state of the server, not of the rows", "leave it out, or write its value");
const TEMPLATE: Reason =
    of("it reads a text by a template", "cast a text in ISO form: `'2026-01-31'::date`");
const WINDOW: Reason = of("it is a window function", "use `order_by` and `limit`, or a subquery");
const ROWS: Reason = of(
    "it gives rows, and one value is wanted here",
    "take single values with `->`, or show all of it in a `json` field",
);
const SEARCH: Reason =
    of("text search is what the index is for", "make the text a `text` field and search there");
const INTEGERS: Reason = of("it is for integers here", "cast to `bigint`");
const BYTES: Reason = of("bytes are not trimmed here", "take a part with `substr`");
const PATHS: &str = "JSON paths are not read here";
const WHOLE: Reason =
    of("whole rows are not values here", "name their columns in `jsonb_build_object`");
const SIMILAR: Reason = of(
    "it goes by a pattern of `SIMILAR TO`",
    "write a regular expression: `substring(name from 'b.*')`",
);
const BLANKS: Reason =
    of("a `character(n)` is matched with its blanks", "cast it to text: `code::text`");

const TYPES: Reason = of("values of that type are not computed with here", "name a type by a cast");

const fn instead(cure: &'static str) -> Reason {
    of("Postgres has no such function", cure)
}

/// An overload that is known and not supported.
pub struct Refused {
    /// How it is called.
    pub name: &'static str,
    /// The types of its arguments.
    pub takes: &'static [Ty],
    /// Why not.
    pub why: Reason,
}

const NAMES: &[(&str, Reason)] = &[
    ("now", CLOCK),
    ("current_date", CLOCK),
    ("current_time", CLOCK),
    ("current_timestamp", CLOCK),
    ("localtime", CLOCK),
    ("localtimestamp", CLOCK),
    ("clock_timestamp", CLOCK),
    ("statement_timestamp", CLOCK),
    ("transaction_timestamp", CLOCK),
    ("timeofday", CLOCK),
    ("pg_sleep", CLOCK),
    ("random", CHANCE),
    ("random_normal", CHANCE),
    ("setseed", CHANCE),
    ("gen_random_uuid", CHANCE),
    ("uuid_generate_v1", CHANCE),
    ("uuid_generate_v4", CHANCE),
    ("gen_random_bytes", CHANCE),
    ("nextval", CHANCE),
    ("currval", CHANCE),
    ("lastval", CHANCE),
    ("setval", CHANCE),
    ("current_user", SESSION),
    ("session_user", SESSION),
    ("user", SESSION),
    ("current_role", SESSION),
    ("current_catalog", SESSION),
    ("current_schema", SESSION),
    ("current_database", SESSION),
    ("current_setting", SESSION),
    ("set_config", SESSION),
    ("inet_client_addr", SESSION),
    ("pg_backend_pid", SESSION),
    ("version", PLACE),
    ("txid_current", PLACE),
    ("pg_current_xact_id", PLACE),
    ("power", LIBRARY),
    ("pow", LIBRARY),
    ("^", LIBRARY),
    ("exp", LIBRARY),
    ("ln", LIBRARY),
    ("log", LIBRARY),
    ("log10", LIBRARY),
    ("cbrt", LIBRARY),
    ("||/", LIBRARY),
    ("sin", LIBRARY),
    ("cos", LIBRARY),
    ("tan", LIBRARY),
    ("cot", LIBRARY),
    ("asin", LIBRARY),
    ("acos", LIBRARY),
    ("atan", LIBRARY),
    ("atan2", LIBRARY),
    ("width_bucket", of("it is left out", "divide and take the `floor`")),
    ("to_date", TEMPLATE),
    ("to_number", TEMPLATE),
    ("pg_size_pretty", of("it is left out", "divide by 1024 and `round`")),
    ("pg_typeof", of("types are known when the schema is compiled", "write the type itself")),
    ("to_regclass", PLACE),
    ("has_table_privilege", PLACE),
    ("row_number", WINDOW),
    ("rank", WINDOW),
    ("dense_rank", WINDOW),
    ("percent_rank", WINDOW),
    ("ntile", WINDOW),
    ("lag", WINDOW),
    ("lead", WINDOW),
    ("first_value", WINDOW),
    ("last_value", WINDOW),
    ("to_tsvector", SEARCH),
    ("to_tsquery", SEARCH),
    ("ts_rank", SEARCH),
    ("similarity", SEARCH),
    ("row_to_json", WHOLE),
    ("row", WHOLE),
    ("jsonb_each", ROWS),
    ("jsonb_array_elements", ROWS),
    ("jsonb_object_keys", ROWS),
    ("unnest", of(ROWS.why, "let it stand in `FROM`, as in `ARRAY(SELECT … FROM unnest(…) AS u)`")),
    ("generate_series", of(ROWS.why, "list the values: `FROM unnest(ARRAY[1, 2, 3]) AS n`")),
    ("regexp_matches", of(ROWS.why, "use `regexp_match`")),
    ("regexp_split_to_table", of(ROWS.why, "use `regexp_split_to_array`")),
    ("string_to_table", of(ROWS.why, "use `string_to_array`")),
    ("jsonb_path_query", of(PATHS, "use `->` and `#>`")),
    ("jsonb_path_exists", of(PATHS, "use `@>`")),
    ("jsonb_path_query_first", of(PATHS, "use `#>`")),
    ("@?", of(PATHS, "use `@>`")),
    ("@@", of(PATHS, "use `@>`")),
    ("ifnull", instead("use `coalesce`")),
    ("nvl", instead("use `coalesce`")),
    ("isnull", instead("write `IS NULL`")),
    ("if", instead("use `CASE WHEN … THEN … ELSE … END`")),
    ("iif", instead("use `CASE WHEN … THEN … ELSE … END`")),
    ("len", instead("use `length`")),
    ("lcase", instead("use `lower`")),
    ("ucase", instead("use `upper`")),
    ("instr", instead("use `strpos`")),
    ("group_concat", instead("use `string_agg`")),
    ("date_format", instead("use `to_char`")),
    ("datediff", instead("subtract the dates")),
    ("dateadd", instead("add an `interval`")),
    ("getdate", CLOCK),
    ("sysdate", CLOCK),
    ("uuid", CHANCE),
];

const OVERLOADS: &[Refused] = &[
    Refused { name: "age", takes: &[Ty::Timestamp], why: CLOCK },
    Refused { name: "age", takes: &[Ty::TimestampTz], why: CLOCK },
    Refused { name: "to_timestamp", takes: &[Ty::Text, Ty::Text], why: TEMPLATE },
    Refused { name: "timezone", takes: &[Ty::Text, Ty::TimeTz], why: CLOCK },
    Refused { name: "gcd", takes: &[Ty::Numeric, Ty::Numeric], why: INTEGERS },
    Refused { name: "lcm", takes: &[Ty::Numeric, Ty::Numeric], why: INTEGERS },
    Refused { name: "trim", takes: &[Ty::Bytea, Ty::Bytea], why: BYTES },
    Refused { name: "ltrim", takes: &[Ty::Bytea, Ty::Bytea], why: BYTES },
    Refused { name: "rtrim", takes: &[Ty::Bytea, Ty::Bytea], why: BYTES },
    Refused { name: "substring", takes: &[Ty::Text, Ty::Text, Ty::Text], why: SIMILAR },
    Refused { name: "trunc", takes: &[Ty::Other], why: TYPES },
    Refused { name: "?|", takes: &[Ty::Other, Ty::Other], why: TYPES },
    Refused { name: "~", takes: &[Ty::Bpchar, Ty::Text], why: BLANKS },
    Refused { name: "~*", takes: &[Ty::Bpchar, Ty::Text], why: BLANKS },
    Refused { name: "!~", takes: &[Ty::Bpchar, Ty::Text], why: BLANKS },
    Refused { name: "!~*", takes: &[Ty::Bpchar, Ty::Text], why: BLANKS },
];

/// The reason why a name is refused.
pub fn by_name(name: &str) -> Option<Reason> {
    NAMES.iter().find(|(one, _)| *one == name).map(|(_, why)| *why)
}

/// The refused overloads of a name.
pub fn overloads(name: &str) -> impl Iterator<Item = &'static Refused> {
    OVERLOADS.iter().filter(move |refused| refused.name == name)
}
