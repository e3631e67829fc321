//! A deployment in the form of the lock. Absent keys are left out, not null.

use std::net::SocketAddr;

use serde_json::{Map, Value, json};

use crate::expr::OnFailure;
use crate::files::config::{
    Aws, Config, Connection, OnError, OpenSearch, Secret, Sink, Source, State, TextAnalysis,
};
use crate::files::schema::{
    Aggregate, AggregateKey, AggregateOp, Column, Direction, Field, FieldType, Filter, FilterOp,
    FilterValue, Join, Kind, Link, Literal, Marker, Order, OrderBy, Origin, Rows, RowsFrom, Schema,
    Through, Transform,
};
use crate::sql::Sql;

/// The `config` of a lock; `address` says how addresses stand in it.
pub fn config(config: &Config, address: impl Fn(&SocketAddr) -> Value) -> Value {
    let mut server = Map::new();
    optional(&mut server, "public_address", config.server.public_address.as_ref().map(&address));
    optional(&mut server, "private_address", config.server.private_address.as_ref().map(&address));
    let index = |index: &crate::files::config::IndexEntry| {
        let mut entry = Map::new();
        entry.insert("enabled".into(), index.enabled.into());
        entry.insert("schema".into(), schema(&index.schema));
        optional(&mut entry, "on_error", index.on_error.map(on_error));
        (index.name.value.clone(), Value::Object(entry))
    };
    let sinks = config.sinks.iter().map(|(name, value)| (name.clone(), sink(value)));
    let mut whole = json!({
        "source": source(&config.source),
        "sinks": sinks.collect::<Map<_, _>>(),
        "indexes": config.indexes.iter().map(index).collect::<Map<_, _>>(),
        "on_error": on_error(config.on_error),
        "server": server,
        "prefix": config.prefix,
    });
    // flusso 0.15 had none, and what says nothing new keeps its bytes.
    if config.state != State::default() {
        let mut state = Map::new();
        optional(&mut state, "dir", config.state.dir.as_ref().map(|dir| dir.as_str().into()));
        state.insert("sync".into(), config.state.sync.into());
        let budget = config.state.memory_budget.map(|budget| budget.to_string().into());
        optional(&mut state, "memory_budget", budget);
        whole["state"] = Value::Object(state);
    }
    whole
}

fn optional(map: &mut Map<String, Value>, key: &str, value: Option<Value>) {
    if let Some(value) = value {
        map.insert(key.into(), value);
    }
}

fn on_error(on_error: OnError) -> Value {
    match on_error {
        OnError::Stop => "stop".into(),
        OnError::Skip => "skip".into(),
    }
}

fn source(source: &Source) -> Value {
    let mut map = Map::new();
    map.insert("source_type".into(), "postgres".into());
    map.insert("manage_publication".into(), source.manage_publication.into());
    optional(&mut map, "connection", source.connection.as_ref().map(connection));
    Value::Object(map)
}

fn connection(connection: &Connection) -> Value {
    match connection {
        Connection::Url(url) => json!({"url": secret(url)}),
        Connection::Parts { host, port, user, password, database } => {
            let mut parts = Map::new();
            parts.insert("host".into(), host.clone().into());
            parts.insert("port".into(), (*port).into());
            parts.insert("user".into(), user.clone().into());
            parts.insert("database".into(), database.clone().into());
            optional(&mut parts, "password", password.as_ref().map(secret));
            json!({"parts": parts})
        }
    }
}

fn secret(secret: &Secret) -> Value {
    match secret {
        Secret::Value(value) => json!({"value": value}),
        Secret::Env(name) => json!({"env": name}),
    }
}

fn sink(sink: &Sink) -> Value {
    match sink {
        Sink::OpenSearch(options) => json!({"opensearch": opensearch(options)}),
        Sink::Stdout { pretty } => json!({"stdout": {"pretty": pretty}}),
    }
}

fn opensearch(sink: &OpenSearch) -> Map<String, Value> {
    let mut map = Map::new();
    map.insert("url".into(), secret(&sink.url));
    optional(&mut map, "username", sink.username.as_ref().map(secret));
    optional(&mut map, "password", sink.password.as_ref().map(secret));
    optional(&mut map, "api_key", sink.api_key.as_ref().map(secret));
    optional(&mut map, "aws", sink.aws.as_ref().map(aws));
    map.insert("tls_verify".into(), sink.tls_verify.into());
    optional(&mut map, "tls_ca_file", sink.tls_ca_file.clone().map(Value::String));
    optional(&mut map, "tls_client_file", sink.tls_client_file.clone().map(Value::String));
    map.insert("batch_size".into(), sink.batch_size.into());
    map.insert("max_bytes".into(), sink.max_bytes.into());
    map.insert("timeout_secs".into(), sink.timeout_secs.into());
    map.insert("max_retries".into(), sink.max_retries.into());
    optional(&mut map, "pipeline", sink.pipeline.clone().map(Value::String));
    map.insert("number_of_shards".into(), sink.number_of_shards.into());
    map.insert("number_of_replicas".into(), sink.number_of_replicas.into());
    map.insert("refresh_interval".into(), sink.refresh_interval.clone().into());
    let usual = OpenSearch::at(sink.url.clone()).keep_old_secs;
    let keep_old_secs = Some(sink.keep_old_secs).filter(|it| *it != usual);
    optional(&mut map, "keep_old_secs", keep_old_secs.map(Value::from));
    let analysis = match sink.text_analysis {
        TextAnalysis::Builtin => "builtin",
        TextAnalysis::Icu => "icu",
    };
    map.insert("text_analysis".into(), analysis.into());
    map.insert("auto_subfields".into(), sink.auto_subfields.into());
    map
}

fn aws(aws: &Aws) -> Value {
    let mut map = Map::new();
    map.insert("service".into(), aws.service.name().into());
    map.insert("region".into(), aws.region.clone().into());
    optional(&mut map, "access_key_id", aws.access_key_id.as_ref().map(secret));
    optional(&mut map, "secret_access_key", aws.secret_access_key.as_ref().map(secret));
    optional(&mut map, "session_token", aws.session_token.as_ref().map(secret));
    Value::Object(map)
}

fn schema(schema: &Schema) -> Value {
    let home = &schema.db_schema;
    let mut map = Map::new();
    map.insert("version".into(), schema.version.into());
    map.insert("table".into(), schema.table.within(home).into());
    map.insert("db_schema".into(), home.clone().into());
    optional(&mut map, "primary_key", schema.primary_key.as_ref().map(|key| columns(key)));
    let soft_delete = schema.soft_delete.as_ref().map(|soft_delete| {
        let (form, name) = match &soft_delete.marker {
            Marker::Column(name) => ("column", name),
            Marker::Field(name) => ("field", name),
        };
        let mut marker = Map::new();
        marker.insert(form.into(), name.value.clone().into());
        optional(&mut marker, "when", filters(&soft_delete.when));
        json!({form: marker})
    });
    optional(&mut map, "soft_delete", soft_delete);
    optional(&mut map, "filters", filters(&schema.filters));
    optional(&mut map, "where", schema.condition.as_ref().map(sql));
    map.insert("fields".into(), fields(&schema.fields, home));
    Value::Object(map)
}

/// One column is its name, several are a list.
fn columns(columns: &[String]) -> Value {
    match columns {
        [one] => one.clone().into(),
        several => several.into(),
    }
}

fn fields(fields: &[Field], home: &str) -> Value {
    fields.iter().map(|value| field(value, home)).collect()
}

fn field(field: &Field, home: &str) -> Value {
    let source = match &field.kind {
        Kind::Column(value) => json!({"column": column(value)}),
        Kind::Object(inner) => json!({"group": fields(inner, home)}),
        Kind::Geo { lat, lon, nullable } => {
            json!({"geo": {"lat": lat.value, "lon": lon.value, "nullable": nullable}})
        }
        Kind::Join(value) => json!({"relation": {"join": join(value, home)}}),
        Kind::Rows(value) => json!({"relation": {"rows": rows(value, home)}}),
        Kind::Aggregate(value) => json!({"relation": {"aggregate": aggregate(value, home)}}),
        Kind::Constant(value) => json!({"constant": literal(value)}),
    };
    let mut map = Map::new();
    map.insert("field".into(), field.name.value.clone().into());
    if !field.options.is_empty() {
        let options = field.options.iter().map(|(key, value)| (key.clone(), literal(value)));
        map.insert("options".into(), Value::Object(options.collect()));
    }
    map.insert("source".into(), source);
    Value::Object(map)
}

fn column(column: &Column) -> Value {
    let mut map = Map::new();
    let (key, from) = match &column.from {
        Origin::Column(column) => ("column", &column.value),
        Origin::Sql(sql) => ("sql", &sql.text),
    };
    map.insert(key.into(), from.clone().into());
    map.insert("ty".into(), ty(&column.ty));
    map.insert("nullable".into(), column.nullable.into());
    if !column.transforms.is_empty() {
        let name = |transform: &Transform| match transform {
            Transform::Lowercase => "lowercase",
            Transform::Trim => "trim",
        };
        map.insert("transforms".into(), column.transforms.iter().map(name).collect());
    }
    optional(&mut map, "default", column.default.as_ref().map(|default| literal(default)));
    if column.on_error == OnFailure::Skip {
        map.insert("on_error".into(), "skip".into());
    }
    if !column.variants.is_empty() {
        map.insert("enum_order".into(), column.variants.as_slice().into());
    }
    Value::Object(map)
}

fn ty(ty: &FieldType) -> Value {
    match ty {
        FieldType::GeoPoint => "geo_point".into(),
        FieldType::Map(values) => json!({"map": {"values": self::ty(values)}}),
        FieldType::Custom { postgres, opensearch } => {
            json!({"custom": {"postgres": postgres, "opensearch": opensearch}})
        }
        plain => plain.tag().into(),
    }
}

fn rows(rows: &Rows, home: &str) -> Value {
    let word = match rows.from {
        RowsFrom::Join(_) => "join",
        RowsFrom::Select(_) => "select",
    };
    let mut map = Map::new();
    map.insert("one".into(), rows.one.into());
    map.insert("from".into(), json!({ word: sql(rows.from.sql()) }));
    map.insert("nullable".into(), rows.nullable.into());
    optional(&mut map, "where", rows.condition.as_ref().map(sql));
    optional(&mut map, "order_by", rows.order_by.as_ref().map(sql));
    optional(&mut map, "limit", rows.limit.map(Value::from));
    map.insert("fields".into(), fields(&rows.fields, home));
    Value::Object(map)
}

fn join(join: &Join, home: &str) -> Value {
    let kind = match &join.link {
        Link::BelongsTo(column) => json!({"belongs_to": {"column": columns(column)}}),
        Link::HasOne(key) => json!({"has_one": {"foreign_key": columns(key)}}),
        Link::HasMany(key) => json!({"has_many": {"foreign_key": columns(key)}}),
        Link::ManyToMany(link) => json!({"many_to_many": {"through": through(link, home)}}),
    };
    let mut map = Map::new();
    map.insert("table".into(), join.table.within(home).into());
    map.insert("kind".into(), kind);
    map.insert("primary_key".into(), columns(&join.primary_key));
    map.insert("nullable".into(), join.nullable.into());
    optional(&mut map, "filters", filters(&join.filters));
    optional(&mut map, "where", join.condition.as_ref().map(sql));
    optional(&mut map, "order_by", join.order_by.as_ref().map(order));
    optional(&mut map, "limit", join.limit.map(Value::from));
    map.insert("fields".into(), fields(&join.fields, home));
    Value::Object(map)
}

/// A column is its name, SQL says that it is.
fn origin(of: &Origin) -> Value {
    match of {
        Origin::Column(column) => column.value.clone().into(),
        Origin::Sql(of) => json!({"sql": sql(of)}),
    }
}

fn order(order: &Order) -> Value {
    match order {
        Order::Columns(list) => list.iter().map(order_by).collect(),
        Order::Sql(text) => sql(text),
    }
}

fn sql(sql: &Sql) -> Value {
    sql.text.clone().into()
}

fn order_by(order: &OrderBy) -> Value {
    let column = &order.column.value;
    match order.direction {
        None => json!({"column": column}),
        Some(Direction::Asc) => json!({"column": column, "direction": "asc"}),
        Some(Direction::Desc) => json!({"column": column, "direction": "desc"}),
    }
}

fn through(through: &Through, home: &str) -> Value {
    json!({
        "table": through.table.within(home),
        "left_key": columns(&through.left_key),
        "right_key": columns(&through.right_key),
    })
}

fn aggregate(aggregate: &Aggregate, home: &str) -> Value {
    let op = match &aggregate.op {
        AggregateOp::Count => "count".into(),
        AggregateOp::Sum(of) => json!({"sum": origin(of)}),
        AggregateOp::Avg(of) => json!({"avg": origin(of)}),
        AggregateOp::Min(of) => json!({"min": origin(of)}),
        AggregateOp::Max(of) => json!({"max": origin(of)}),
        AggregateOp::Ids(element) => json!({"ids": {"element_type": ty(element)}}),
        AggregateOp::CountOf(of) => json!({"count_of": {"sql": sql(of)}}),
        AggregateOp::CountDistinct(of) => json!({"count_distinct": origin(of)}),
        AggregateOp::BoolAnd(of) => json!({"bool_and": origin(of)}),
        AggregateOp::BoolOr(of) => json!({"bool_or": origin(of)}),
        AggregateOp::StringAgg(of, separator) => {
            json!({"string_agg": {"of": origin(of), "separator": separator}})
        }
        AggregateOp::ArrayAgg(of, element) => {
            json!({"array_agg": {"of": origin(of), "element_type": ty(element)}})
        }
    };
    let key = match &aggregate.key {
        AggregateKey::Direct(key) => json!({"direct": columns(key)}),
        AggregateKey::Through(link) => json!({"through": through(link, home)}),
        AggregateKey::Join(join) => json!({"join": sql(join)}),
    };
    let mut map = Map::new();
    map.insert("table".into(), aggregate.table.within(home).into());
    map.insert("op".into(), op);
    map.insert("key".into(), key);
    optional(&mut map, "value_type", aggregate.value_type.as_ref().map(ty));
    optional(&mut map, "filters", filters(&aggregate.filters));
    optional(&mut map, "where", aggregate.condition.as_ref().map(sql));
    optional(&mut map, "order_by", aggregate.order_by.as_ref().map(order));
    Value::Object(map)
}

fn filters(filters: &Option<Vec<Filter>>) -> Option<Value> {
    filters.as_ref().map(|filters| filters.iter().map(filter).collect())
}

fn filter(filter: &Filter) -> Value {
    match filter {
        Filter::Raw(sql) => json!({"raw": {"raw": sql.text.trim()}}),
        Filter::NullCheck(column, is_null) => {
            let op = if *is_null { "is_null" } else { "is_not_null" };
            json!({"null_check": {"column": column.value, "op": op}})
        }
        Filter::Compare { column, op, value } => {
            let value = match &value.value {
                FilterValue::Single(value) => json!({"single": value}),
                FilterValue::List(values) => json!({"list": values}),
                FilterValue::Range(low, high) => json!({"range": [low, high]}),
            };
            let (column, op) = (&column.value, operator(op.value));
            json!({"value_op": {"column": column, "op": op, "value": value}})
        }
    }
}

fn operator(op: FilterOp) -> &'static str {
    match op {
        FilterOp::Eq => "eq",
        FilterOp::Neq => "neq",
        FilterOp::Lt => "lt",
        FilterOp::Lte => "lte",
        FilterOp::Gt => "gt",
        FilterOp::Gte => "gte",
        FilterOp::In => "in",
        FilterOp::NotIn => "not_in",
        FilterOp::Like => "like",
        FilterOp::Ilike => "ilike",
        FilterOp::Between => "between",
    }
}

fn literal(value: &Literal) -> Value {
    match value {
        Literal::Null => "Null".into(),
        Literal::Bool(value) => json!({"Bool": value}),
        Literal::Int(value) => json!({"BigInt": value}),
        Literal::Decimal(text) => json!({"Decimal": text}),
        Literal::String(text) => json!({"String": text}),
        Literal::Array(items) => json!({"Array": items.iter().map(literal).collect::<Value>()}),
        Literal::Map(map) => {
            let entries = map.iter().map(|(key, value)| (key.clone(), literal(value)));
            json!({"Map": entries.collect::<Map<_, _>>()})
        }
    }
}
