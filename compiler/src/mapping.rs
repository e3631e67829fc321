//! The body an index is created with: settings and mappings, to the letter those of flusso 0.15,
//! since what clients query (`.keyword`, `.keyword_lowercase`, `.sort`) stands in them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::files::config::{OpenSearch, TextAnalysis};
use crate::files::schema::{AggregateOp, Field, FieldType, Kind, Link, Literal, Schema};

/// The body of `PUT /index`. Refreshing is off in it, to be set when the index is seeded.
pub fn index_body(schema: &Schema, sink: &OpenSearch) -> Value {
    let mut ranks = BTreeMap::new();
    enum_ranks(&schema.fields, "", &mut ranks);
    json!({
        "settings": {
            "index": {
                "refresh_interval": "-1",
                "number_of_shards": sink.number_of_shards.max(1),
                "number_of_replicas": sink.number_of_replicas,
            },
            "analysis": analysis(sink.text_analysis, &ranks),
        },
        "mappings": {
            "dynamic": "strict",
            "properties": properties(&schema.fields, "", sink.auto_subfields),
        },
    })
}

/// The part of a body that an index has for good: without what its server changes in place.
pub fn lasting(body: &Value) -> Value {
    let mut body = body.clone();
    if let Some(settings) = body["settings"]["index"].as_object_mut() {
        settings.remove("refresh_interval");
        settings.remove("number_of_replicas");
    }
    body
}

/// The properties of the fields, for the object at `path`; the later of two equal names wins.
fn properties(fields: &[Field], path: &str, subfields: bool) -> Value {
    let mut map = Map::new();
    for field in fields {
        map.insert(field.name.value.clone(), property(field, &join(path, field), subfields));
    }
    Value::Object(map)
}

fn join(path: &str, field: &Field) -> String {
    match path {
        "" => field.name.value.clone(),
        _ => format!("{path}.{}", field.name.value),
    }
}

/// The property of one field: what its type gives, and its options written over that.
fn property(field: &Field, path: &str, subfields: bool) -> Value {
    let mut property = Map::new();
    let ty = type_of(field);
    let children = match &field.kind {
        Kind::Object(fields) => Some(fields),
        Kind::Join(relation) => Some(&relation.fields),
        Kind::Rows(rows) => Some(&rows.fields),
        Kind::Column(_) | Kind::Geo { .. } | Kind::Aggregate(_) | Kind::Constant(_) => None,
    };
    property.insert("type".into(), ty.into());
    if let Some(fields) = children.filter(|fields| !fields.is_empty()) {
        property.insert("properties".into(), properties(fields, path, subfields));
    }
    let mut inner = Map::new();
    let subfields_here = subfields && !is_custom(field);
    if subfields_here && ty == "text" {
        property.insert("analyzer".into(), "flusso_text".into());
        inner.insert("keyword".into(), json!({"type": "keyword", "ignore_above": 256}));
        inner.insert("keyword_lowercase".into(), normalized("flusso_lowercase"));
    }
    if subfields_here && ty == "keyword" {
        inner.insert("text".into(), json!({"type": "text", "analyzer": "flusso_code"}));
        inner.insert("keyword_lowercase".into(), normalized("flusso_lowercase"));
    }
    if matches!(&field.kind, Kind::Column(column) if !column.variants.is_empty()) {
        inner.insert("sort".into(), normalized(&rank_name(path)));
    }
    if !inner.is_empty() {
        property.insert("fields".into(), Value::Object(inner));
    }
    for (key, value) in &field.options {
        property.insert(key.clone(), option(value));
    }
    Value::Object(property)
}

fn normalized(normalizer: &str) -> Value {
    json!({"type": "keyword", "normalizer": normalizer, "ignore_above": 256})
}

fn is_custom(field: &Field) -> bool {
    matches!(&field.kind, Kind::Column(column) if matches!(column.ty, FieldType::Custom { .. }))
}

/// The OpenSearch type of a field; its options may still say otherwise.
pub fn type_of(field: &Field) -> &str {
    match &field.kind {
        Kind::Column(column) => opensearch_type(&column.ty),
        Kind::Geo { .. } => "geo_point",
        Kind::Object(_) => "object",
        Kind::Join(relation) => match relation.link {
            Link::BelongsTo(_) | Link::HasOne(_) => "object",
            Link::HasMany(_) | Link::ManyToMany(_) => "nested",
        },
        Kind::Rows(rows) if rows.one => "object",
        Kind::Rows(_) => "nested",
        Kind::Aggregate(aggregate) => match (&aggregate.op, &aggregate.value_type) {
            (AggregateOp::Count | AggregateOp::CountOf(_) | AggregateOp::CountDistinct(_), _) => {
                "long"
            }
            (AggregateOp::BoolAnd(_) | AggregateOp::BoolOr(_), _) => "boolean",
            (AggregateOp::Avg(_), _) => "double",
            (AggregateOp::Ids(ty) | AggregateOp::ArrayAgg(_, ty), _) => opensearch_type(ty),
            (_, Some(ty)) => opensearch_type(ty),
            // The reader lets none of the others pass without a type.
            (_, None) => "double",
        },
        Kind::Constant(value) => constant_type(value),
    }
}

/// The OpenSearch type of a declared type.
fn opensearch_type(ty: &FieldType) -> &str {
    match ty {
        FieldType::Text | FieldType::Identifier => "text",
        FieldType::Keyword | FieldType::Enum | FieldType::Uuid => "keyword",
        FieldType::Boolean => "boolean",
        FieldType::Short => "short",
        FieldType::Integer => "integer",
        FieldType::Long => "long",
        FieldType::Float => "float",
        FieldType::Double | FieldType::Decimal => "double",
        FieldType::Date | FieldType::Timestamp => "date",
        FieldType::Binary => "binary",
        FieldType::Json | FieldType::Map(_) => "object",
        FieldType::GeoPoint => "geo_point",
        FieldType::Custom { opensearch, .. } => opensearch,
    }
}

/// The OpenSearch type of a constant; a list has that of its first element.
fn constant_type(value: &Literal) -> &'static str {
    match value {
        Literal::Null | Literal::String(_) => "keyword",
        Literal::Bool(_) => "boolean",
        Literal::Int(_) => "long",
        Literal::Decimal(_) => "double",
        Literal::Array(items) => items.first().map_or("keyword", constant_type),
        Literal::Map(_) => "object",
    }
}

/// An option as OpenSearch gets it.
fn option(value: &Literal) -> Value {
    match value {
        Literal::Null => Value::Null,
        Literal::Bool(value) => (*value).into(),
        Literal::Int(value) => (*value).into(),
        Literal::Decimal(text) => decimal(text).into(),
        Literal::String(text) => text.clone().into(),
        Literal::Array(items) => items.iter().map(option).collect(),
        Literal::Map(map) => {
            Value::Object(map.iter().map(|(key, value)| (key.clone(), option(value))).collect())
        }
    }
}

/// A decimal as the quotient of its digits and a power of ten, as flusso 0.15 rounds it: in the
/// last places that differs from reading the text.
fn decimal(text: &str) -> f64 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits: i128 = format!("{whole}{fraction}").parse().unwrap_or(0);
    digits as f64 / 10_u128.pow(fraction.len() as u32) as f64
}

/// The enums that sort by the position of their variant: mapping rules by normalizer name.
fn enum_ranks(fields: &[Field], path: &str, ranks: &mut BTreeMap<String, Vec<String>>) {
    for field in fields {
        let path = join(path, field);
        match &field.kind {
            Kind::Column(column) if !column.variants.is_empty() => {
                let width = (column.variants.len() - 1).to_string().len();
                let rule = |(rank, variant)| format!("{variant} => {rank:0width$}");
                let rules = column.variants.iter().enumerate().map(rule).collect();
                ranks.insert(rank_name(&path), rules);
            }
            Kind::Object(fields) => enum_ranks(fields, &path, ranks),
            Kind::Join(relation) => enum_ranks(&relation.fields, &path, ranks),
            Kind::Rows(rows) => enum_ranks(&rows.fields, &path, ranks),
            Kind::Column(_) | Kind::Geo { .. } | Kind::Aggregate(_) | Kind::Constant(_) => {}
        }
    }
}

/// What an enum's normalizer and its character filter are called.
fn rank_name(path: &str) -> String {
    let clean = |character: char| if character.is_ascii_alphanumeric() { character } else { '_' };
    format!("flusso_enumsort__{}", path.chars().map(clean).collect::<String>())
}

/// The analysis block, present whether or not a field uses it.
fn analysis(kind: TextAnalysis, ranks: &BTreeMap<String, Vec<String>>) -> Value {
    let (fold, tokenizer, text, lowercase) = match kind {
        TextAnalysis::Builtin => {
            let folded = json!(["lowercase", "asciifolding"]);
            ("asciifolding", "standard", folded.clone(), folded)
        }
        TextAnalysis::Icu => (
            "icu_folding",
            "icu_tokenizer",
            json!(["icu_normalizer", "icu_folding"]),
            json!(["icu_normalizer"]),
        ),
    };
    let mut normalizers = Map::new();
    normalizers.insert("flusso_lowercase".into(), json!({"type": "custom", "filter": lowercase}));
    let mut char_filters = Map::new();
    for (name, rules) in ranks {
        char_filters.insert(name.clone(), json!({"type": "mapping", "mappings": rules}));
        let normalizer = json!({"type": "custom", "char_filter": [name], "filter": []});
        normalizers.insert(name.clone(), normalizer);
    }
    let code = ["flusso_word_delimiter", "flatten_graph", "lowercase", fold];
    let mut analysis = json!({
        "filter": {
            "flusso_word_delimiter": {
                "type": "word_delimiter_graph",
                "catenate_all": true,
                "preserve_original": true,
            },
        },
        "analyzer": {
            "flusso_code": {"type": "custom", "tokenizer": "whitespace", "filter": code},
            "flusso_text": {"type": "custom", "tokenizer": tokenizer, "filter": text},
        },
        "normalizer": normalizers,
    });
    if !char_filters.is_empty() {
        analysis["char_filter"] = Value::Object(char_filters);
    }
    analysis
}
