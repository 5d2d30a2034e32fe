//! CloudWatch, as far as it is asked: alarms, their histories, and metrics. It is asked in JSON, since the SDK's
//! client speaks CBOR alone, which emulators do not understand.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_smithy_types::retry::RetryConfig;
use faultgate_net::aws::calls::CountCalls;
use faultgate_net::aws::{JsonClient, JsonClientError, JsonNames};
use jiff::{SignedDuration, Timestamp, Unit};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

/// The words for the states of an alarm that mean something here.
pub(crate) const OK: &str = "OK";
pub(crate) const IN_ALARM: &str = "ALARM";
/// Maximum number of names that one request takes.
pub(crate) const MAX_ALARMS_PER_REQUEST: usize = 100;
/// The number of items that one answer may hold: CloudWatch tells 50 alarms if it is not asked for more.
const MAX_RECORDS: u32 = 100;
/// Maximum pause between two attempts: those who ask wait 10 s, and all attempts end before, so that the reason
/// of a refusal is told instead of a lack of an answer.
const MAX_BACKOFF: Duration = Duration::from_secs(2);
/// Both kinds of alarms: CloudWatch leaves composite alarms out by default.
const ALARM_TYPES: [&str; 2] = ["MetricAlarm", "CompositeAlarm"];

pub(crate) static NAMES: JsonNames = JsonNames {
    signing: "monitoring",
    service_id: "CloudWatch",
    host: "monitoring",
    target: "GraniteServiceVersion20100801",
};

/// The client for one account and Region.
#[derive(Debug, Clone)]
pub(crate) struct CloudwatchClient(JsonClient);

impl CloudwatchClient {
    pub(crate) fn new(sdk: &SdkConfig, counted: CountCalls) -> Self {
        let retries = sdk.retry_config().cloned().unwrap_or_else(RetryConfig::standard);
        let sdk = sdk.to_builder().retry_config(retries.with_max_backoff(MAX_BACKOFF)).build();
        Self(JsonClient::new(&NAMES, &sdk, counted))
    }

    pub(crate) fn counted(&self) -> &CountCalls {
        self.0.counted()
    }

    /// Describes the alarms of these names, of both kinds.
    pub(crate) async fn describe_alarms(&self, names: &[&str]) -> Result<AlarmsPage, JsonClientError> {
        let input = json!({"AlarmNames": names, "AlarmTypes": ALARM_TYPES, "MaxRecords": MAX_RECORDS});
        self.0.ask("DescribeAlarms", &input).await
    }

    /// Returns a page of the changes of an alarm's state since a time, the oldest first.
    pub(crate) async fn list_changes(
        &self,
        name: &str,
        since: Timestamp,
        token: Option<&str>,
    ) -> Result<HistoryPage, JsonClientError> {
        let mut input = json!({
            "AlarmName": name,
            "AlarmTypes": ALARM_TYPES,
            "HistoryItemType": "StateUpdate",
            "StartDate": SignedDuration::from_millis(since.as_millisecond()).as_secs_f64(),
            "ScanBy": "TimestampAscending",
            "MaxRecords": MAX_RECORDS,
        });
        if let Some(token) = token {
            input["NextToken"] = token.into();
        }
        self.0.ask("DescribeAlarmHistory", &input).await
    }

    /// Returns the data of a query, the newest first.
    pub(crate) async fn read_metric(
        &self,
        query: &Value,
        asked: &std::ops::Range<i64>,
    ) -> Result<MetricData, JsonClientError> {
        let input = json!({
            "MetricDataQueries": [query],
            "StartTime": asked.start,
            "EndTime": asked.end,
            "ScanBy": "TimestampDescending",
        });
        self.0.ask("GetMetricData", &input).await
    }
}

/// An answer about alarms.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct AlarmsPage {
    #[serde(deserialize_with = "read_list")]
    metric_alarms: Vec<DescribedAlarm>,
    #[serde(deserialize_with = "read_list")]
    composite_alarms: Vec<DescribedAlarm>,
    pub(crate) next_token: Option<String>,
}

impl AlarmsPage {
    /// Returns the alarms of both kinds.
    pub(crate) fn into_alarms(self) -> Vec<DescribedAlarm> {
        self.metric_alarms.into_iter().chain(self.composite_alarms).collect()
    }
}

/// An alarm as CloudWatch describes it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct DescribedAlarm {
    #[serde(rename = "AlarmName")]
    pub(crate) name: Option<String>,
    #[serde(rename = "StateValue")]
    pub(crate) state: Option<String>,
    #[serde(rename = "StateReason")]
    pub(crate) reason: Option<String>,
}

/// An answer about the history of an alarm.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct HistoryPage {
    #[serde(rename = "AlarmHistoryItems", deserialize_with = "read_list")]
    pub(crate) items: Vec<AlarmHistoryItem>,
    pub(crate) next_token: Option<String>,
}

/// An item of the history of an alarm.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct AlarmHistoryItem {
    pub(crate) alarm_name: Option<String>,
    /// Seconds since 1970.
    timestamp: Option<f64>,
    pub(crate) history_data: Option<String>,
    pub(crate) history_summary: Option<String>,
}

impl AlarmHistoryItem {
    /// Returns the time to the millisecond, since a binary fraction is no whole number of them.
    pub(crate) fn at(&self) -> Option<Timestamp> {
        let since = SignedDuration::try_from_secs_f64(self.timestamp?).ok()?;
        Timestamp::from_duration(since).ok()?.round(Unit::Millisecond).ok()
    }
}

/// An answer about metrics.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct MetricData {
    #[serde(rename = "MetricDataResults", deserialize_with = "read_list")]
    pub(crate) results: Vec<MetricResult>,
    #[serde(deserialize_with = "read_list")]
    pub(crate) messages: Vec<MetricMessage>,
    pub(crate) next_token: Option<String>,
}

/// The data of one query, or of one part of it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct MetricResult {
    pub(crate) id: Option<String>,
    pub(crate) label: Option<String>,
    pub(crate) status_code: Option<String>,
    /// Seconds since 1970.
    #[serde(deserialize_with = "read_list")]
    pub(crate) timestamps: Vec<f64>,
    #[serde(deserialize_with = "read_list")]
    pub(crate) values: Vec<MetricValue>,
    #[serde(deserialize_with = "read_list")]
    pub(crate) messages: Vec<MetricMessage>,
}

/// A value of a metric. JSON has no number for those that are not finite, so that they come as words.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MetricValue(pub(crate) f64);

impl<'de> Deserialize<'de> for MetricValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Number(number) => number.as_f64(),
            Value::String(word) => word.parse().ok(),
            _ => None,
        }
        .map(Self)
        .ok_or_else(|| D::Error::custom("no value of a metric"))
    }
}

/// A message besides the data.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct MetricMessage {
    pub(crate) code: Option<String>,
    pub(crate) value: Option<String>,
}

/// Reads a list that may be null.
fn read_list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
