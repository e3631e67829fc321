//! A deployment from the form of the lock. Absent and null are the same; unknown keys are passed
//! over, so that a later version may add some.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use serde_json::Value;

use super::cursor::{Cursor, NOWHERE, Read};
use super::{FORMAT_VERSION, LockError};
use crate::catalog::TableName;
use crate::diagnostics::At;
use crate::expr::OnFailure;
use crate::files::budget::Budget;
use crate::files::config::{
    Aws, AwsService, Config, Connection, IndexEntry, OnError, OpenSearch, Secret, Server, Sink,
    Source, State, TextAnalysis,
};
use crate::files::schema::{
    Aggregate, AggregateKey, AggregateOp, Column, Columns, Direction, Field, FieldType, Filter,
    FilterOp, FilterValue, Join, Kind, Link, Literal, Marker, Order, OrderBy, Origin, Rows,
    RowsFrom, Schema, SoftDelete, Through, Transform,
};
use crate::sql::Sql;

/// The whole file.
pub fn lock(value: &Value) -> Read<Config> {
    let top = Cursor { value, at: "lock".into() };
    let version = top.need("format_version")?.number()?;
    if version != FORMAT_VERSION {
        return Err(LockError::Version(version));
    }
    top.need("flusso_version")?.text()?;
    let config = top.need("config")?;
    let sinks = config.need("sinks")?.map(|name, cursor| Ok((name.to_string(), sink(cursor)?)))?;
    let server = match config.get("server") {
        Some(server) => Server {
            public_address: server.optional("public_address", address)?,
            private_address: server.optional("private_address", address)?,
        },
        None => Server::default(),
    };
    let state = match config.get("state") {
        Some(state) => State {
            dir: state.optional("dir", Cursor::text)?,
            sync: state.optional("sync", Cursor::boolean)?.unwrap_or(true),
            memory_budget: state.optional("memory_budget", budget)?,
        },
        None => State::default(),
    };
    Ok(Config {
        source: source(&config.need("source")?)?,
        sinks: sinks.into_iter().collect(),
        indexes: config.need("indexes")?.map(index)?,
        on_error: config.optional("on_error", on_error)?.unwrap_or(OnError::Stop),
        server,
        prefix: config.optional("prefix", Cursor::text)?.unwrap_or_default(),
        state,
    })
}

fn on_error(cursor: &Cursor<'_>) -> Read<OnError> {
    cursor.word(&[("stop", OnError::Stop), ("skip", OnError::Skip)])
}

fn index(name: &str, cursor: &Cursor<'_>) -> Read<IndexEntry> {
    Ok(IndexEntry {
        name: At::new(name.into(), NOWHERE),
        // The lock holds the schema itself.
        path: String::new(),
        enabled: cursor.need("enabled")?.boolean()?,
        on_error: cursor.optional("on_error", on_error)?,
        schema: schema(&cursor.need("schema")?)?,
    })
}

fn source(cursor: &Cursor<'_>) -> Read<Source> {
    cursor.need("source_type")?.word(&[("postgres", ())])?;
    let manage = cursor.optional("manage_publication", Cursor::boolean)?;
    let connection = cursor.optional("connection", connection)?;
    Ok(Source { connection, manage_publication: manage.unwrap_or(true) })
}

fn connection(cursor: &Cursor<'_>) -> Read<Connection> {
    let (form, inner) = cursor.variant()?;
    match form {
        "url" => Ok(Connection::Url(secret(&inner)?)),
        "parts" => Ok(Connection::Parts {
            host: inner.need("host")?.text()?,
            port: inner.need("port")?.number()?,
            user: inner.need("user")?.text()?,
            password: inner.optional("password", secret)?,
            database: inner.need("database")?.text()?,
        }),
        _ => cursor.wrong("`url` or `parts`"),
    }
}

fn secret(cursor: &Cursor<'_>) -> Read<Secret> {
    match cursor.variant()? {
        ("value", inner) => Ok(Secret::Value(inner.text()?)),
        ("env", inner) => Ok(Secret::Env(inner.text()?)),
        _ => cursor.wrong("`value` or `env`"),
    }
}

fn budget(cursor: &Cursor<'_>) -> Read<Budget> {
    let budget = cursor.value.as_str().and_then(|text| text.parse().ok());
    budget.map_or_else(|| cursor.wrong("an amount of memory"), Ok)
}

/// `{"V4": [[127, 0, 0, 1], 9464]}`, or the text of it.
fn address(cursor: &Cursor<'_>) -> Read<SocketAddr> {
    if let Some(address) = cursor.value.as_str().and_then(|text| text.parse().ok()) {
        return Ok(address);
    }
    let (_, inner) = cursor.variant()?;
    let octets = inner.value.get(0).and_then(Value::as_array);
    let octets: Option<Vec<u8>> = octets
        .and_then(|octets| octets.iter().map(|octet| u8::try_from(octet.as_u64()?).ok()).collect());
    let port = inner.value.get(1).and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok());
    let octets = octets.unwrap_or_default();
    let ip = match (<[u8; 4]>::try_from(&octets[..]), <[u8; 16]>::try_from(&octets[..])) {
        (Ok(v4), _) => IpAddr::V4(Ipv4Addr::from(v4)),
        (_, Ok(v6)) => IpAddr::V6(Ipv6Addr::from(v6)),
        _ => return cursor.wrong("an address"),
    };
    port.map_or_else(|| cursor.wrong("an address"), |port| Ok(SocketAddr::new(ip, port)))
}

fn sink(cursor: &Cursor<'_>) -> Read<Sink> {
    match cursor.variant()? {
        ("opensearch", inner) => Ok(Sink::OpenSearch(opensearch(&inner)?)),
        ("stdout", inner) => Ok(Sink::Stdout { pretty: inner.need("pretty")?.boolean()? }),
        _ => cursor.wrong("`opensearch` or `stdout`"),
    }
}

fn opensearch(cursor: &Cursor<'_>) -> Read<OpenSearch> {
    let analysis = [("builtin", TextAnalysis::Builtin), ("icu", TextAnalysis::Icu)];
    let url = secret(&cursor.need("url")?)?;
    let usual = OpenSearch::at(url.clone());
    let keep_old_secs = cursor.optional("keep_old_secs", Cursor::number)?;
    Ok(OpenSearch {
        url,
        username: cursor.optional("username", secret)?,
        password: cursor.optional("password", secret)?,
        api_key: cursor.optional("api_key", secret)?,
        aws: cursor.optional("aws", aws)?,
        tls_verify: cursor.need("tls_verify")?.boolean()?,
        tls_ca_file: cursor.optional("tls_ca_file", Cursor::text)?,
        tls_client_file: cursor.optional("tls_client_file", Cursor::text)?,
        batch_size: cursor.need("batch_size")?.number()?,
        max_bytes: cursor.need("max_bytes")?.number()?,
        timeout_secs: cursor.need("timeout_secs")?.number()?,
        max_retries: cursor.need("max_retries")?.number()?,
        pipeline: cursor.optional("pipeline", Cursor::text)?,
        number_of_shards: cursor.need("number_of_shards")?.number()?,
        number_of_replicas: cursor.need("number_of_replicas")?.number()?,
        refresh_interval: cursor.need("refresh_interval")?.text()?,
        keep_old_secs: keep_old_secs.unwrap_or(usual.keep_old_secs),
        text_analysis: cursor.need("text_analysis")?.word(&analysis)?,
        auto_subfields: cursor.need("auto_subfields")?.boolean()?,
    })
}

fn aws(cursor: &Cursor<'_>) -> Read<Aws> {
    let services = [AwsService::Es, AwsService::Aoss].map(|service| (service.name(), service));
    Ok(Aws {
        service: cursor.need("service")?.word(&services)?,
        region: cursor.need("region")?.text()?,
        access_key_id: cursor.optional("access_key_id", secret)?,
        secret_access_key: cursor.optional("secret_access_key", secret)?,
        session_token: cursor.optional("session_token", secret)?,
    })
}

fn schema(cursor: &Cursor<'_>) -> Read<Schema> {
    let home = cursor.need("db_schema")?.text()?;
    let soft_delete = cursor.optional("soft_delete", |cursor| {
        let (form, inner) = cursor.variant()?;
        let name = inner.need(form)?.placed()?;
        let marker = match form {
            "column" => Marker::Column(name),
            "field" => Marker::Field(name),
            _ => return cursor.wrong("`column` or `field`"),
        };
        Ok(SoftDelete { marker, when: inner.optional("when", filters)? })
    })?;
    Ok(Schema {
        version: cursor.need("version")?.number()?,
        table: table(&cursor.need("table")?, &home)?,
        primary_key: cursor.optional("primary_key", columns)?,
        soft_delete,
        filters: cursor.optional("filters", filters)?,
        condition: cursor.optional("where", sql)?,
        fields: cursor.need("fields")?.list(|cursor| field(cursor, &home))?,
        db_schema: home,
        place: NOWHERE,
    })
}

fn table(cursor: &Cursor<'_>, home: &str) -> Read<At<TableName>> {
    let text = cursor.text()?;
    let (schema, name) = text.split_once('.').unwrap_or((home, &text));
    Ok(At::new(TableName { schema: schema.into(), name: name.into() }, NOWHERE))
}

fn columns(cursor: &Cursor<'_>) -> Read<Columns> {
    let columns = match cursor.value {
        Value::Array(_) => cursor.list(Cursor::text)?,
        _ => vec![cursor.text()?],
    };
    if columns.is_empty() {
        return cursor.wrong("at least one column");
    }
    Ok(At::new(columns, NOWHERE))
}

fn field(cursor: &Cursor<'_>, home: &str) -> Read<Field> {
    let options = cursor.optional("options", literal_map)?;
    let (form, inner) = cursor.need("source")?.variant()?;
    let kind = match form {
        "column" => Kind::Column(column(&inner)?),
        "group" => Kind::Object(inner.list(|cursor| field(cursor, home))?),
        "geo" => Kind::Geo {
            lat: inner.need("lat")?.placed()?,
            lon: inner.need("lon")?.placed()?,
            nullable: inner.need("nullable")?.boolean()?,
        },
        "constant" => Kind::Constant(literal(&inner)?),
        "relation" => match inner.variant()? {
            ("join", join_form) => Kind::Join(join(&join_form, home)?),
            ("rows", form) => Kind::Rows(rows(&form, home)?),
            ("aggregate", form) => Kind::Aggregate(aggregate(&form, home)?),
            _ => return inner.wrong("`join`, `rows` or `aggregate`"),
        },
        _ => return inner.wrong("a kind of field"),
    };
    Ok(Field { name: cursor.need("field")?.placed()?, options: options.unwrap_or_default(), kind })
}

fn column(cursor: &Cursor<'_>) -> Read<Column> {
    let words = [("lowercase", Transform::Lowercase), ("trim", Transform::Trim)];
    let transforms = cursor.optional("transforms", |list| list.list(|item| item.word(&words)))?;
    let default = cursor.optional("default", literal)?;
    let variants = cursor.optional("enum_order", |list| list.list(Cursor::text))?;
    Ok(Column {
        from: match cursor.optional("sql", sql)? {
            Some(sql) => Origin::Sql(sql),
            None => Origin::Column(cursor.need("column")?.placed()?),
        },
        ty: ty(&cursor.need("ty")?)?,
        nullable: cursor.need("nullable")?.boolean()?,
        transforms: transforms.unwrap_or_default(),
        default: default.map(|default| At::new(default, NOWHERE)),
        variants: variants.unwrap_or_default(),
        on_error: cursor.optional("on_error", on_failure)?.unwrap_or_default(),
    })
}

fn on_failure(cursor: &Cursor<'_>) -> Read<OnFailure> {
    cursor.word(&[("null", OnFailure::Null), ("skip", OnFailure::Skip)])
}

fn ty(cursor: &Cursor<'_>) -> Read<FieldType> {
    let (name, inner) = cursor.variant()?;
    Ok(match name {
        "text" => FieldType::Text,
        "identifier" => FieldType::Identifier,
        "keyword" => FieldType::Keyword,
        "enum" => FieldType::Enum,
        "uuid" => FieldType::Uuid,
        "boolean" => FieldType::Boolean,
        "short" => FieldType::Short,
        "integer" => FieldType::Integer,
        "long" => FieldType::Long,
        "float" => FieldType::Float,
        "double" => FieldType::Double,
        "decimal" => FieldType::Decimal,
        "date" => FieldType::Date,
        "timestamp" => FieldType::Timestamp,
        "binary" => FieldType::Binary,
        "json" => FieldType::Json,
        "geo_point" => FieldType::GeoPoint,
        "map" => FieldType::Map(Box::new(ty(&inner.need("values")?)?)),
        "custom" => FieldType::Custom {
            postgres: inner.need("postgres")?.list(Cursor::text)?,
            opensearch: inner.need("opensearch")?.text()?,
        },
        _ => return cursor.wrong("a type"),
    })
}

fn rows(cursor: &Cursor<'_>, home: &str) -> Read<Rows> {
    let (word, inner) = cursor.need("from")?.variant()?;
    Ok(Rows {
        one: cursor.need("one")?.boolean()?,
        from: match word {
            "join" => RowsFrom::Join(sql(&inner)?),
            "select" => RowsFrom::Select(sql(&inner)?),
            _ => return inner.wrong("`join` or `select`"),
        },
        nullable: cursor.need("nullable")?.boolean()?,
        condition: cursor.optional("where", sql)?,
        order_by: cursor.optional("order_by", sql)?,
        limit: cursor.optional("limit", Cursor::number)?,
        fields: cursor.need("fields")?.list(|cursor| field(cursor, home))?,
    })
}

fn join(cursor: &Cursor<'_>, home: &str) -> Read<Join> {
    let (verb, inner) = cursor.need("kind")?.variant()?;
    let link = match verb {
        "belongs_to" => Link::BelongsTo(columns(&inner.need("column")?)?),
        "has_one" => Link::HasOne(columns(&inner.need("foreign_key")?)?),
        "has_many" => Link::HasMany(columns(&inner.need("foreign_key")?)?),
        "many_to_many" => Link::ManyToMany(through(&inner.need("through")?, home)?),
        _ => return inner.wrong("a kind of join"),
    };
    Ok(Join {
        table: table(&cursor.need("table")?, home)?,
        link,
        primary_key: columns(&cursor.need("primary_key")?)?,
        nullable: cursor.need("nullable")?.boolean()?,
        filters: cursor.optional("filters", filters)?,
        condition: cursor.optional("where", sql)?,
        order_by: cursor.optional("order_by", order)?,
        limit: cursor.optional("limit", Cursor::number)?,
        fields: cursor.need("fields")?.list(|cursor| field(cursor, home))?,
    })
}

fn through(cursor: &Cursor<'_>, home: &str) -> Read<Through> {
    Ok(Through {
        table: table(&cursor.need("table")?, home)?,
        left_key: columns(&cursor.need("left_key")?)?,
        right_key: columns(&cursor.need("right_key")?)?,
    })
}

fn aggregate(cursor: &Cursor<'_>, home: &str) -> Read<Aggregate> {
    let (function, inner) = cursor.need("op")?.variant()?;
    let op = match function {
        "count" => AggregateOp::Count,
        "sum" => AggregateOp::Sum(origin(&inner)?),
        "avg" => AggregateOp::Avg(origin(&inner)?),
        "min" => AggregateOp::Min(origin(&inner)?),
        "max" => AggregateOp::Max(origin(&inner)?),
        "ids" => AggregateOp::Ids(ty(&inner.need("element_type")?)?),
        "count_of" => AggregateOp::CountOf(sql(&inner.need("sql")?)?),
        "count_distinct" => AggregateOp::CountDistinct(origin(&inner)?),
        "bool_and" => AggregateOp::BoolAnd(origin(&inner)?),
        "bool_or" => AggregateOp::BoolOr(origin(&inner)?),
        "string_agg" => {
            AggregateOp::StringAgg(origin(&inner.need("of")?)?, inner.need("separator")?.text()?)
        }
        "array_agg" => {
            AggregateOp::ArrayAgg(origin(&inner.need("of")?)?, ty(&inner.need("element_type")?)?)
        }
        _ => return inner.wrong("an aggregate function"),
    };
    let (form, inner) = cursor.need("key")?.variant()?;
    let key = match form {
        "direct" => AggregateKey::Direct(columns(&inner)?),
        "through" => AggregateKey::Through(through(&inner, home)?),
        "join" => AggregateKey::Join(sql(&inner)?),
        _ => return inner.wrong("`direct`, `through` or `join`"),
    };
    Ok(Aggregate {
        table: table(&cursor.need("table")?, home)?,
        op,
        key,
        value_type: cursor.optional("value_type", ty)?,
        filters: cursor.optional("filters", filters)?,
        condition: cursor.optional("where", sql)?,
        order_by: cursor.optional("order_by", order)?,
    })
}

fn origin(cursor: &Cursor<'_>) -> Read<Origin> {
    match cursor.value {
        Value::Object(_) => Ok(Origin::Sql(sql(&cursor.need("sql")?)?)),
        _ => Ok(Origin::Column(cursor.placed()?)),
    }
}

fn order(cursor: &Cursor<'_>) -> Read<Order> {
    if let Value::String(_) = cursor.value {
        return Ok(Order::Sql(sql(cursor)?));
    }
    let words = [("asc", Direction::Asc), ("desc", Direction::Desc)];
    let by = |cursor: &Cursor<'_>| {
        let direction = cursor.optional("direction", |word| word.word(&words))?;
        Ok(OrderBy { column: cursor.need("column")?.placed()?, direction })
    };
    Ok(Order::Columns(cursor.list(by)?))
}

fn sql(cursor: &Cursor<'_>) -> Read<Sql> {
    Ok(Sql { text: cursor.text()?, place: NOWHERE, pieces: Vec::new() })
}

fn filters(cursor: &Cursor<'_>) -> Read<Vec<Filter>> {
    cursor.list(filter)
}

fn filter(cursor: &Cursor<'_>) -> Read<Filter> {
    let (form, inner) = cursor.variant()?;
    let column = || inner.need("column")?.placed();
    match form {
        "raw" => Ok(Filter::Raw(sql(&inner.need("raw")?)?)),
        "null_check" => {
            let is_null = inner.need("op")?.word(&[("is_null", true), ("is_not_null", false)])?;
            Ok(Filter::NullCheck(column()?, is_null))
        }
        "value_op" => {
            let op = inner.need("op")?.word(&OPERATORS)?;
            let (form, operand) = inner.need("value")?.variant()?;
            let value = match form {
                "single" => FilterValue::Single(operand.text()?),
                "list" => FilterValue::List(operand.list(Cursor::text)?),
                "range" => match <[String; 2]>::try_from(operand.list(Cursor::text)?) {
                    Ok([low, high]) => FilterValue::Range(low, high),
                    Err(_) => return operand.wrong("two values"),
                },
                _ => return operand.wrong("the constants of a filter"),
            };
            let (op, value) = (At::new(op, NOWHERE), At::new(value, NOWHERE));
            Ok(Filter::Compare { column: column()?, op, value })
        }
        _ => cursor.wrong("a filter"),
    }
}

const OPERATORS: [(&str, FilterOp); 11] = [
    ("eq", FilterOp::Eq),
    ("neq", FilterOp::Neq),
    ("lt", FilterOp::Lt),
    ("lte", FilterOp::Lte),
    ("gt", FilterOp::Gt),
    ("gte", FilterOp::Gte),
    ("in", FilterOp::In),
    ("not_in", FilterOp::NotIn),
    ("like", FilterOp::Like),
    ("ilike", FilterOp::Ilike),
    ("between", FilterOp::Between),
];

fn literal_map(cursor: &Cursor<'_>) -> Read<BTreeMap<String, Literal>> {
    let entries = cursor.map(|key, cursor| Ok((key.to_string(), literal(cursor)?)))?;
    Ok(entries.into_iter().collect())
}

fn literal(cursor: &Cursor<'_>) -> Read<Literal> {
    let (form, inner) = cursor.variant()?;
    Ok(match form {
        "Null" => Literal::Null,
        "Bool" => Literal::Bool(inner.boolean()?),
        "BigInt" => match inner.value.as_i64() {
            Some(value) => Literal::Int(value),
            None => return inner.wrong("an integer"),
        },
        "Decimal" => Literal::Decimal(decimal(&inner)?),
        "String" => Literal::String(inner.text()?),
        "Array" => Literal::Array(inner.list(literal)?),
        "Map" => Literal::Map(literal_map(&inner)?),
        _ => return cursor.wrong("a value"),
    })
}

/// Digits with at most 28 after the point, as many as 96 bits hold.
fn decimal(cursor: &Cursor<'_>) -> Read<String> {
    let text = cursor.text()?;
    let unsigned = text.strip_prefix('-').unwrap_or(&text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let short = whole.len() + fraction.len() <= 30 && fraction.len() <= 28;
    if whole.is_empty() || !digits(whole) || !digits(fraction) || !short {
        return cursor.wrong("a decimal number");
    }
    Ok(text)
}
