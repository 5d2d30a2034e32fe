//! The IAM statement that each request needs, for errors that say exactly what to add.

use super::place::Place;

/// One operation that this engine calls, and what it must be allowed.
struct Permission {
    operation: &'static str,
    actions: &'static [&'static str],
    /// `{partition}`, `{region}` and `{account}` stand for the caller's own.
    resources: &'static [&'static str],
}

const FIS_EXPERIMENTS: &str = "arn:{partition}:fis:{region}:{account}:experiment/*";
const FIS_TEMPLATES: &str = "arn:{partition}:fis:{region}:{account}:experiment-template/*";
const RULES: &str = "arn:{partition}:events:{region}:{account}:rule/faultgate-*";
const QUEUES: &str = "arn:{partition}:sqs:{region}:{account}:faultgate-*";
const BUS: &str = "arn:{partition}:events:{region}:{account}:event-bus/default";

const PERMISSIONS: &[Permission] = &[
    one("GetExperimentTemplate", &["fis:GetExperimentTemplate"], &[FIS_TEMPLATES]),
    one(
        "GetSafetyLever",
        &["fis:GetSafetyLever"],
        &["arn:{partition}:fis:{region}:{account}:safety-lever/*"],
    ),
    one("StartExperiment", &["fis:StartExperiment", "fis:TagResource"], &[FIS_TEMPLATES, FIS_EXPERIMENTS]),
    one("GetExperiment", &["fis:GetExperiment"], &[FIS_EXPERIMENTS]),
    one("ListExperiments", &["fis:ListExperiments"], &["*"]),
    one("ListExperimentResolvedTargets", &["fis:ListExperimentResolvedTargets"], &[FIS_EXPERIMENTS]),
    one("StopExperiment", &["fis:StopExperiment"], &[FIS_EXPERIMENTS]),
    one("DescribeAlarms", &["cloudwatch:DescribeAlarms"], &["*"]),
    one("PutRule", &["events:PutRule", "events:TagResource"], &[RULES]),
    one("DescribeRule", &["events:DescribeRule"], &[RULES]),
    one("DeleteRule", &["events:DeleteRule"], &[RULES]),
    one("PutTargets", &["events:PutTargets"], &[RULES]),
    one("ListTargetsByRule", &["events:ListTargetsByRule"], &[RULES]),
    one("RemoveTargets", &["events:RemoveTargets"], &[RULES]),
    one("PutEvents", &["events:PutEvents"], &[BUS]),
    one("CreateQueue", &["sqs:CreateQueue", "sqs:TagQueue"], &[QUEUES]),
    one("GetQueueUrl", &["sqs:GetQueueUrl"], &[QUEUES]),
    one("GetQueueAttributes", &["sqs:GetQueueAttributes"], &[QUEUES]),
    one("DeleteQueue", &["sqs:DeleteQueue"], &[QUEUES]),
    one("ReceiveMessage", &["sqs:ReceiveMessage"], &["the queue"]),
    one("DeleteMessageBatch", &["sqs:DeleteMessage"], &["the queue"]),
    one("ChangeMessageVisibilityBatch", &["sqs:ChangeMessageVisibility"], &["the queue"]),
];

const fn one(
    operation: &'static str,
    actions: &'static [&'static str],
    resources: &'static [&'static str],
) -> Permission {
    Permission { operation, actions, resources }
}

/// The statement to add to the policy of whoever runs faultgate, as JSON.
pub(super) fn statement(operation: &str, place: &Place, queue_arn: Option<&str>) -> Option<String> {
    let permission = PERMISSIONS.iter().find(|permission| permission.operation == operation)?;
    let resources: Vec<String> = permission
        .resources
        .iter()
        .map(|resource| match *resource {
            "the queue" => queue_arn.unwrap_or(QUEUES),
            other => other,
        })
        .map(|resource| {
            resource
                .replace("{partition}", &place.partition)
                .replace("{region}", &place.region)
                .replace("{account}", &place.account)
        })
        .collect();
    let statement = serde_json::json!({
        "Effect": "Allow",
        "Action": permission.actions,
        "Resource": resources,
    });
    Some(format!("add this statement to the policy of the role that runs faultgate: {statement}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_names_actions_and_resources_of_the_place() {
        let place = Place::of_arn("arn:aws-cn:fis:cn-north-1:123456789012:experiment-template/EXT1").unwrap();
        let statement = statement("StartExperiment", &place, None).unwrap();
        let json: serde_json::Value =
            serde_json::from_str(statement.split_once(": ").unwrap().1).expect("the statement is JSON");
        assert_eq!(json["Action"], serde_json::json!(["fis:StartExperiment", "fis:TagResource"]));
        assert_eq!(json["Resource"][1], "arn:aws-cn:fis:cn-north-1:123456789012:experiment/*");
    }
}
