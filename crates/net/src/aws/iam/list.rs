//! The list of calls: what each needs, what it is used for, and why.

/// The features of faultgate that requests are sent for. A policy is made for a choice of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// A run with `monitor: events`.
    Events,
    /// A run with `monitor: queue`.
    Queue,
    /// A run with `monitor: poll`.
    Poll,
    /// The command `faultgate sweep`.
    Sweep,
    /// The command `faultgate stop --all`.
    StopAll,
    /// The safety lever, which `faultgate stop --all --engage-safety-lever` engages.
    SafetyLever,
    /// A probe `cloudwatch-alarm`.
    CloudwatchAlarm,
    /// A probe `cloudwatch-metric`.
    CloudwatchMetric,
    /// A probe `prometheus` whose requests are signed.
    Prometheus,
    /// Comments on CodeCommit.
    Codecommit,
    /// A policy with `allow.accounts`, for templates that act in several accounts.
    Policy,
    /// The input `results`, and a merge of what it has kept.
    Results,
    /// A suite that finds its templates by tags.
    Templates,
    /// A suite that finds its accounts by a unit of AWS Organizations.
    Organizations,
    /// The role of `aws-role-arn`, assumed with the credentials of the SDK's default chain.
    AssumeRole,
}

impl Use {
    /// The uses of which a policy needs one: the ways of a run, a sweep, and the emergency stop.
    pub const MODES: [Self; 5] = [Self::Events, Self::Queue, Self::Poll, Self::Sweep, Self::StopAll];
    /// The ways in which a run monitors FIS experiments.
    pub const RUNS: [Self; 3] = [Self::Events, Self::Queue, Self::Poll];
    /// The uses that may be added to any of the modes.
    pub const OTHERS: [Self; 10] = [
        Self::SafetyLever,
        Self::CloudwatchAlarm,
        Self::CloudwatchMetric,
        Self::Prometheus,
        Self::Codecommit,
        Self::Policy,
        Self::Results,
        Self::Templates,
        Self::Organizations,
        Self::AssumeRole,
    ];

    /// Returns the name by which `faultgate iam` takes the use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Queue => "queue",
            Self::Poll => "poll",
            Self::Sweep => "sweep",
            Self::StopAll => "stop-all",
            Self::SafetyLever => "safety-lever",
            Self::CloudwatchAlarm => "cloudwatch-alarm",
            Self::CloudwatchMetric => "cloudwatch-metric",
            Self::Prometheus => "prometheus",
            Self::Codecommit => "codecommit",
            Self::Policy => "policy",
            Self::Results => "results",
            Self::Templates => "templates",
            Self::Organizations => "organizations",
            Self::AssumeRole => "assume-role",
        }
    }

    /// Finds a use by its name.
    pub fn find(name: &str) -> Option<Self> {
        Self::MODES.into_iter().chain(Self::OTHERS).find(|each| each.as_str() == name)
    }
}

/// The resources on which a statement allows actions, and its conditions. `{partition}`, `{region}` and the
/// like stand for the values of a [`PolicyTarget`](super::PolicyTarget).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Scope {
    pub(super) sid: &'static str,
    pub(super) resources: &'static [&'static str],
    /// The conditions, each with its operator, key and value.
    pub(super) conditions: &'static [(&'static str, &'static str, &'static str)],
}

/// One operation of a service, as it is used for one purpose.
#[derive(Debug)]
pub struct Call {
    pub operation: &'static str,
    /// The IAM actions that the operation needs, each with its scope.
    pub(super) needs: &'static [(&'static str, &'static Scope)],
    pub(super) uses: &'static [Use],
    pub(super) why: &'static str,
    /// The consequence of a missing permission, where a run can go on without the operation.
    pub(super) without: Option<&'static str>,
}

const TEMPLATE: &str = "arn:{partition}:fis:{region}:{account}:experiment-template/{template}";
const EXPERIMENT: &str = "arn:{partition}:fis:{region}:{account}:experiment/*";
const RULE: &str = "arn:{partition}:events:{region}:{account}:rule/faultgate-*";
const QUEUE: &str = "arn:{partition}:sqs:{region}:{account}:faultgate-*";

const TEMPLATES: Scope = Scope { sid: "Templates", resources: &[TEMPLATE], conditions: &[] };
/// Launches are allowed only with the tag of a run.
const LAUNCH: Scope = Scope {
    sid: "Launch",
    resources: &[TEMPLATE, EXPERIMENT],
    conditions: &[("Null", "aws:RequestTag/faultgate:run-id", "false")],
};
/// Tags may be set only together with that of a run.
const TAGS: Scope = Scope { sid: "Tags", resources: &[EXPERIMENT], ..LAUNCH };
/// Experiments are reached only by the tag of a run, so those of others can neither be read nor stopped.
const EXPERIMENTS: Scope = Scope {
    sid: "Experiments",
    resources: &[EXPERIMENT],
    conditions: &[("Null", "aws:ResourceTag/faultgate:run-id", "false")],
};
const LEVER: Scope = Scope {
    sid: "SafetyLever",
    resources: &["arn:{partition}:fis:{region}:{account}:safety-lever/*"],
    conditions: &[],
};
/// All resources: ListExperiments and GetMetricData cannot be limited to some, and DescribeAlarms and
/// DescribeAlarmHistory show composite alarms only where all are allowed.
const ALL_RESOURCES: Scope = Scope { sid: "Looks", resources: &["*"], conditions: &[] };
const WORKSPACES: Scope = Scope {
    sid: "Workspaces",
    resources: &["arn:{partition}:aps:{region}:{account}:workspace/*"],
    conditions: &[],
};
const RULES: Scope = Scope { sid: "Rules", resources: &[RULE], conditions: &[] };
/// A rule may bring events to a queue of faultgate's, and to nothing else.
const RULE_TARGETS: Scope = Scope {
    sid: "RuleTargets",
    resources: &[RULE],
    conditions: &[("ForAllValues:ArnLike", "events:TargetArn", QUEUE), ("Null", "events:TargetArn", "false")],
};
/// Events may be put on the default bus only as handshakes. The second condition refuses a request without a
/// source, which the first one would allow.
const HANDSHAKE: Scope = Scope {
    sid: "Handshake",
    resources: &["arn:{partition}:events:{region}:{account}:event-bus/default"],
    conditions: &[
        ("ForAllValues:StringEquals", "events:source", "faultgate.handshake"),
        ("Null", "events:source", "false"),
    ],
};
const QUEUES: Scope = Scope { sid: "Queues", resources: &[QUEUE], conditions: &[] };
/// The tags of a rule or queue may be read whatever they are: they tell whose it is.
const RULE_TAGS: Scope = Scope { sid: "RuleTags", ..RULES };
const QUEUE_TAGS: Scope = Scope { sid: "QueueTags", ..QUEUES };
/// A sweep may touch only what carries the tag `faultgate:expires-at`.
const SWEPT_RULES: Scope = Scope {
    sid: "SweptRules",
    resources: &[RULE],
    conditions: &[("Null", "aws:ResourceTag/faultgate:expires-at", "false")],
};
const SWEPT_QUEUES: Scope = Scope { sid: "SweptQueues", resources: &[QUEUE], ..SWEPT_RULES };
const EVENT_QUEUE: Scope = Scope {
    sid: "EventQueue",
    resources: &["arn:{partition}:sqs:{region}:{account}:{queue}"],
    conditions: &[],
};
const COMMENTS: Scope = Scope {
    sid: "Comments",
    resources: &["arn:{partition}:codecommit:{region}:{account}:{repository}"],
    conditions: &[],
};
const RESULT_OBJECTS: Scope =
    Scope { sid: "ResultObjects", resources: &["arn:{partition}:s3:::{bucket}/*"], conditions: &[] };
const RESULT_LISTS: Scope =
    Scope { sid: "ResultLists", resources: &["arn:{partition}:s3:::{bucket}"], conditions: &[] };
const ROLE: Scope =
    Scope { sid: "Role", resources: &["arn:{partition}:iam::{account}:role/{role}"], conditions: &[] };

/// The uses of every run.
const ANY: &[Use] = &Use::RUNS;
const EVERY_MODE: &[Use] = &Use::MODES;
const ANY_AND_LEVER: &[Use] = &[Use::Events, Use::Queue, Use::Poll, Use::SafetyLever];
const LEVER_ALONE: &[Use] = &[Use::SafetyLever];
const EVENTS: &[Use] = &[Use::Events];
const SHARED: &[Use] = &[Use::Queue];
const SWEEP: &[Use] = &[Use::Sweep];
const CODECOMMIT: &[Use] = &[Use::Codecommit];
const RESULTS: &[Use] = &[Use::Results];

/// The list of calls. An operation stands in it several times where its resource depends on its use.
#[rustfmt::skip]
pub const CALLS: &[Call] = &[
    call("GetExperimentTemplate", &[("fis:GetExperimentTemplate", &TEMPLATES)], ANY,
        "looks at the template and its stop conditions before a launch; reads it for `faultgate lint`"),
    call("StartExperiment", &[("fis:StartExperiment", &LAUNCH), ("fis:TagResource", &TAGS)], ANY,
        "launches, and previews, with the tags of the run"),
    call("GetExperiment", &[("fis:GetExperiment", &EXPERIMENTS)], EVERY_MODE,
        "confirms the end"),
    call("ListExperimentResolvedTargets", &[("fis:ListExperimentResolvedTargets", &EXPERIMENTS)], ANY,
        "tells whether something was injected, and counts what a preview and its launch hit")
        .or("the actions' own states tell it, with a warning; where a preview is wanted, nothing is launched"),
    call("ListExperimentTargetAccountConfigurations",
        &[("fis:ListExperimentTargetAccountConfigurations", &EXPERIMENTS)], ANY,
        "tells in which accounts an experiment was to act, where it acts in several")
        .or("a warning that an account without a target is not told"),
    call("ListTargetAccountConfigurations", &[("fis:ListTargetAccountConfigurations", &TEMPLATES)], &[Use::Policy],
        "tells in which accounts a template acts, where a policy allows only some, or before a preview, and the \
         template acts in several")
        .or("a policy with allow.accounts refuses such a template; faultgate still makes a preview, with a note"),
    call("StopExperiment", &[("fis:StopExperiment", &EXPERIMENTS)], EVERY_MODE,
        "stops it when its time is up, the run is cancelled, a sweep finds it, or all are stopped"),
    call("GetSafetyLever", &[("fis:GetSafetyLever", &LEVER)], ANY_AND_LEVER,
        "tells whether FIS would refuse, who has stopped it, or whether the lever is engaged")
        .or("a note in the report"),
    call("UpdateSafetyLeverState", &[("fis:UpdateSafetyLeverState", &LEVER)], LEVER_ALONE,
        "engages the lever, by `faultgate stop --all --engage-safety-lever` alone")
        .or("faultgate still stops the experiments"),
    call("ListExperiments", &[("fis:ListExperiments", &ALL_RESOURCES)], EVERY_MODE,
        "finds the experiment of a launch without an answer, those that a sweep or stop --all is to stop, and \
         those that a policy with limits.alone waits for")
        .or("a launch whose answer is lost may go unwatched; with limits.alone nothing is launched"),
    call("DescribeAlarms", &[("cloudwatch:DescribeAlarms", &ALL_RESOURCES)],
        &[Use::Events, Use::Queue, Use::Poll, Use::CloudwatchAlarm],
        "looks at the alarms of stop conditions, and those of probes")
        .or("a note in the report; a stop condition that fired is not told from a stop by somebody"),
    call("DescribeAlarmHistory", &[("cloudwatch:DescribeAlarmHistory", &ALL_RESOURCES)], &[Use::CloudwatchAlarm],
        "measures an alarm by the time that it was in OK, where events tell of its changes")
        .or("faultgate reads the alarm at the interval of the probe, with a warning"),
    call("GetMetricData", &[("cloudwatch:GetMetricData", &ALL_RESOURCES)], &[Use::CloudwatchMetric],
        "reads the metrics of probes"),
    call("QueryMetrics", &[("aps:QueryMetrics", &WORKSPACES)], &[Use::Prometheus],
        "asks a workspace of Amazon Managed Service for Prometheus for probes"),
    call("PutRule", &[("events:PutRule", &RULES), ("events:TagResource", &RULES)], EVENTS,
        "makes the run's own rule"),
    call("DescribeRule", &[("events:DescribeRule", &RULES)], EVENTS,
        "tells what is wrong where no handshake comes through")
        .or("the error says less"),
    call("ListTargetsByRule", &[("events:ListTargetsByRule", &RULES)], EVENTS,
        "tells what is wrong where no handshake comes through")
        .or("the error says less"),
    call("RemoveTargets", &[("events:RemoveTargets", &RULES)], EVENTS,
        "removes the rule's target"),
    call("DeleteRule", &[("events:DeleteRule", &RULES)], EVENTS,
        "removes the rule"),
    call("PutTargets", &[("events:PutTargets", &RULE_TARGETS)], EVENTS,
        "joins rule and queue"),
    call("PutEvents", &[("events:PutEvents", &HANDSHAKE)], EVENTS,
        "proves by a handshake that events come through"),
    call("CreateQueue", &[("sqs:CreateQueue", &QUEUES), ("sqs:TagQueue", &QUEUES)], EVENTS,
        "makes the run's own queue"),
    call("ReceiveMessage", &[("sqs:ReceiveMessage", &QUEUES)], EVENTS,
        "reads the run's own queue"),
    call("ChangeMessageVisibilityBatch", &[("sqs:ChangeMessageVisibility", &QUEUES)], EVENTS,
        "lets several monitors of one run read its queue")
        .or("they see some events later, or not all"),
    call("GetQueueAttributes", &[("sqs:GetQueueAttributes", &QUEUES)], EVENTS,
        "tells what is wrong where no handshake comes through, and whether a monitor has seen all events")
        .or("the error says less; with several monitors one may miss some events"),
    call("GetQueueUrl", &[("sqs:GetQueueUrl", &QUEUES)], EVENTS,
        "finds the queue where the answer that named it was lost")
        .or("that queue is left behind, and named"),
    call("DeleteQueue", &[("sqs:DeleteQueue", &QUEUES)], EVENTS,
        "removes the queue"),
    call("ReceiveMessage", &[("sqs:ReceiveMessage", &EVENT_QUEUE)], SHARED,
        "reads event-queue-url"),
    call("DeleteMessageBatch", &[("sqs:DeleteMessage", &EVENT_QUEUE)], SHARED,
        "takes the run's own events out of event-queue-url"),
    call("ChangeMessageVisibilityBatch", &[("sqs:ChangeMessageVisibility", &EVENT_QUEUE)], SHARED,
        "gives the events of others back to event-queue-url"),
    call("GetQueueAttributes", &[("sqs:GetQueueAttributes", &EVENT_QUEUE)], SHARED,
        "tells whether event-queue-url moves the events of others to a dead-letter queue")
        .or("a note in the report"),
    call("PutEvents", &[("events:PutEvents", &HANDSHAKE)], SHARED,
        "proves by a handshake that events come through to event-queue-url")
        .or("the first event of an experiment proves it; until then faultgate asks FIS directly"),
    call("ListRules", &[("events:ListRules", &ALL_RESOURCES)], SWEEP,
        "finds rules by their names"),
    call("ListTagsForResource", &[("events:ListTagsForResource", &RULE_TAGS)], SWEEP,
        "tells whether a rule has expired"),
    call("ListTargetsByRule", &[("events:ListTargetsByRule", &SWEPT_RULES)], SWEEP,
        "finds what keeps a rule from being removed"),
    call("RemoveTargets", &[("events:RemoveTargets", &SWEPT_RULES)], SWEEP,
        "removes the targets of a rule that has expired"),
    call("DeleteRule", &[("events:DeleteRule", &SWEPT_RULES)], SWEEP,
        "removes a rule that has expired"),
    call("ListQueues", &[("sqs:ListQueues", &ALL_RESOURCES)], SWEEP,
        "finds queues by their names"),
    call("ListQueueTags", &[("sqs:ListQueueTags", &QUEUE_TAGS)], SWEEP,
        "tells whether a queue has expired"),
    call("DeleteQueue", &[("sqs:DeleteQueue", &SWEPT_QUEUES)], SWEEP,
        "removes a queue that has expired"),
    call("GetPullRequest", &[("codecommit:GetPullRequest", &COMMENTS)], CODECOMMIT,
        "finds the commits of the pull request"),
    call("GetCommentsForPullRequest", &[("codecommit:GetCommentsForPullRequest", &COMMENTS)], CODECOMMIT,
        "finds the comment to update"),
    call("PostCommentForPullRequest", &[("codecommit:PostCommentForPullRequest", &COMMENTS)], CODECOMMIT,
        "comments on the pull request"),
    call("GetCommentsForComparedCommit", &[("codecommit:GetCommentsForComparedCommit", &COMMENTS)], CODECOMMIT,
        "finds the comment to update"),
    call("PostCommentForComparedCommit", &[("codecommit:PostCommentForComparedCommit", &COMMENTS)], CODECOMMIT,
        "comments on the commit where there is no pull request"),
    call("UpdateComment", &[("codecommit:UpdateComment", &COMMENTS)], CODECOMMIT,
        "updates the comment in place"),
    call("PutObject", &[("s3:PutObject", &RESULT_OBJECTS)], RESULTS,
        "puts result.json where the input results says, and the merged one"),
    call("ListObjectsV2", &[("s3:ListBucket", &RESULT_LISTS)], RESULTS,
        "finds the results that `faultgate report --merge s3://…` merges"),
    call("GetObject", &[("s3:GetObject", &RESULT_OBJECTS)], RESULTS,
        "reads the results that are merged, and a plan in S3"),
    call("ListExperimentTemplates", &[("fis:ListExperimentTemplates", &ALL_RESOURCES)], &[Use::Templates],
        "finds the templates of a suite by their tags, in each account and Region that it names"),
    call("ListAccountsForParent", &[("organizations:ListAccountsForParent", &ALL_RESOURCES)], &[Use::Organizations],
        "finds the accounts of a unit; asked in the management account, or where it delegates to"),
    call("ListChildren", &[("organizations:ListChildren", &ALL_RESOURCES)], &[Use::Organizations],
        "finds the units below a unit; asked in the same account"),
    call("AssumeRole", &[("sts:AssumeRole", &ROLE)], &[Use::AssumeRole],
        "assumes aws-role-arn with the default chain's credentials; belongs to these, not to the role"),
    call("GetCallerIdentity", &[], LEVER_ALONE,
        "tells whose lever is about to be engaged; IAM asks for no permission"),
    call("AssumeRoleWithWebIdentity", &[], &[],
        "assumes aws-role-arn by an OpenID token; the role's trust policy allows it"),
];

const fn call(
    operation: &'static str,
    needs: &'static [(&'static str, &'static Scope)],
    uses: &'static [Use],
    why: &'static str,
) -> Call {
    Call { operation, needs, uses, why, without: None }
}

impl Call {
    /// Returns `true` if the call is sent for one of these uses.
    pub fn is_for(&self, uses: &[Use]) -> bool {
        self.uses.iter().any(|used| uses.contains(used))
    }

    /// Adds the consequence of a missing permission.
    const fn or(mut self, without: &'static str) -> Self {
        self.without = Some(without);
        self
    }
}
