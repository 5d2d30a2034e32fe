//! GraphQL as a real server does it: the whole document is validated by the schema, variables are coerced,
//! and the named operation is executed. Only `phase` is answered as it is stored, whatever the schema's enum
//! says.

use std::cell::RefCell;
use std::sync::LazyLock;

use apollo_compiler::resolvers::{Execution, FieldError, ObjectValue, ResolveInfo, ResolvedValue};
use apollo_compiler::schema::Type;
use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Schema};
use serde_json::{Value, json};

use super::center::Center;

const SDL: &str = include_str!("schema.graphql");
const OPEN_ENUM: &str = "enum ExperimentRunStatus";

/// The schema by which requests are validated.
static DECLARED: LazyLock<Valid<Schema>> = LazyLock::new(|| schema(SDL.to_owned()));
/// The schema by which answers are made, in which the phase may be any word.
static ANSWERED: LazyLock<Valid<Schema>> = LazyLock::new(|| {
    let (before, from) = SDL.split_once(OPEN_ENUM).unwrap();
    let (_, after) = from.split_once('}').unwrap();
    schema(format!("{before}scalar ExperimentRunStatus{after}"))
});

fn schema(sdl: String) -> Valid<Schema> {
    Schema::parse_and_validate(sdl, "schema.graphql").unwrap()
}

/// Answers a request. Fails if no server would take it.
pub(super) fn answer(center: &mut Center, token: &str, body: &Value) -> Result<Value, String> {
    let (Some(document), Some(operation)) = (body["query"].as_str(), body["operationName"].as_str()) else {
        return Err("no query, or no operationName".to_owned());
    };
    let fault = |error: &dyn std::fmt::Display| error.to_string();
    ExecutableDocument::parse_and_validate(&DECLARED, document, "request.graphql")
        .map_err(|error| fault(&error.errors))?;
    let document = ExecutableDocument::parse_and_validate(&ANSWERED, document, "request.graphql")
        .map_err(|error| fault(&error.errors))?;
    let named = document.operations.get(Some(operation)).map_err(|error| fault(&error.message()))?;
    let variables: apollo_compiler::response::JsonValue =
        serde_json::from_value(body["variables"].clone()).unwrap();
    let variables = variables.as_object().cloned().unwrap_or_default();
    if let Some(unknown) =
        variables.keys().find(|name| !named.variables.iter().any(|v| v.name == name.as_str()))
    {
        return Err(format!("the operation has no variable {}", unknown.as_str()));
    }
    let root = LitmusRoot { name: named.object_type().to_string(), token, center: RefCell::new(center) };
    let response = Execution::new(&ANSWERED, &document)
        .operation(named)
        .raw_variable_values(&variables)
        .execute_sync(&root)
        .map_err(|error| fault(&error.message()))?;
    let mut answer = json!({ "data": response.data });
    if !response.errors.is_empty() {
        answer["errors"] = json!(response.errors);
    }
    Ok(answer)
}

/// The object `Query` or `Mutation`.
struct LitmusRoot<'c> {
    name: String,
    token: &'c str,
    center: RefCell<&'c mut Center>,
}

impl ObjectValue for LitmusRoot<'_> {
    fn type_name(&self) -> &str {
        &self.name
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Result<ResolvedValue<'a>, FieldError> {
        let arguments = serde_json::to_value(info.arguments()).unwrap();
        let answer = self.center.borrow_mut().resolve(self.token, info.field_name(), &arguments);
        let value = answer.map_err(|message| FieldError { message })?;
        Ok(resolved(value, &info.field_definition().ty, info))
    }
}

/// Any other object, which has all its fields.
struct LitmusObject {
    name: String,
    fields: Value,
}

impl ObjectValue for LitmusObject {
    fn type_name(&self) -> &str {
        &self.name
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Result<ResolvedValue<'a>, FieldError> {
        let value = self.fields.get(info.field_name()).ok_or_else(|| self.unknown_field_error(info))?;
        Ok(resolved(value.clone(), &info.field_definition().ty, info))
    }
}

fn resolved<'a>(value: Value, ty: &Type, info: &ResolveInfo<'_>) -> ResolvedValue<'a> {
    let name = ty.inner_named_type();
    match value {
        Value::Array(values) if ty.is_list() => {
            let items: Vec<_> =
                values.into_iter().map(|value| resolved(value, ty.item_type(), info)).collect();
            ResolvedValue::list(items)
        }
        fields @ Value::Object(_) if info.schema().get_object(name).is_some() => {
            ResolvedValue::object(LitmusObject { name: name.to_string(), fields })
        }
        leaf => ResolvedValue::Leaf(serde_json::from_value(leaf).unwrap()),
    }
}
