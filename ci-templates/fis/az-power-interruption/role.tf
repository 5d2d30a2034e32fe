# What FIS may do, and for whom.

resource "aws_iam_role" "experiment" {
  name_prefix        = "${var.name}-"
  assume_role_policy = data.aws_iam_policy_document.trust.json
  tags               = local.tags
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["fis.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["arn:${local.partition}:fis:${local.region}:${local.account}:experiment/*"]
    }
  }
}

resource "aws_iam_role_policy" "experiment" {
  name   = "experiment"
  role   = aws_iam_role.experiment.id
  policy = data.aws_iam_policy_document.experiment.json
}

data "aws_iam_policy_document" "experiment" {
  statement {
    sid = "Find"
    actions = [
      "tag:GetResources",
      "ec2:DescribeInstances",
      "ec2:DescribeSubnets",
      "ec2:DescribeVpcs",
      "ec2:DescribeNetworkAcls",
      "ec2:DescribeManagedPrefixLists",
      "autoscaling:DescribeAutoScalingGroups",
      "autoscaling:DescribeTags",
      "rds:DescribeDBClusters",
      "rds:DescribeDBInstances",
      "elasticache:DescribeReplicationGroups",
      "arc-zonal-shift:ListManagedResources",
    ]
    # These have no narrower resource.
    resources = ["*"]
  }

  statement {
    sid       = "Instances"
    actions   = ["ec2:StopInstances", "ec2:StartInstances"]
    resources = ["arn:${local.partition}:ec2:${local.region}:${local.account}:instance/*"]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/chaos"
      values   = [var.environment]
    }
  }

  statement {
    sid     = "Volumes"
    actions = ["kms:CreateGrant"]
    # An instance with volumes of your own key does not start without; tag the key as the instances.
    resources = ["arn:${local.partition}:kms:${local.region}:${local.account}:key/*"]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/chaos"
      values   = [var.environment]
    }

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["ec2.${local.region}.${data.aws_partition.current.dns_suffix}"]
    }

    condition {
      test     = "Bool"
      variable = "kms:GrantIsForAWSResource"
      values   = ["true"]
    }
  }

  statement {
    sid     = "Launches"
    actions = ["ec2:InjectApiError"]
    # It has no resource: what it hits is a condition.
    resources = ["*"]

    condition {
      test     = "StringEquals"
      variable = "ec2:FisActionId"
      values   = ["aws:ec2:asg-insufficient-instance-capacity-error"]
    }

    condition {
      test     = "ForAllValues:ArnLike"
      variable = "ec2:FisTargetArns"
      values   = ["arn:${local.partition}:autoscaling:${local.region}:${local.account}:autoScalingGroup:*"]
    }
  }

  statement {
    sid       = "MakeNetworkAcls"
    actions   = ["ec2:CreateNetworkAcl"]
    resources = ["arn:${local.partition}:ec2:${local.region}:${local.account}:network-acl/*"]

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/managedByFIS"
      values   = ["true"]
    }
  }

  statement {
    sid       = "MakeNetworkAclsIn"
    actions   = ["ec2:CreateNetworkAcl"]
    resources = ["arn:${local.partition}:ec2:${local.region}:${local.account}:vpc/*"]
  }

  statement {
    sid       = "TagNetworkAcls"
    actions   = ["ec2:CreateTags"]
    resources = ["arn:${local.partition}:ec2:${local.region}:${local.account}:network-acl/*"]

    condition {
      test     = "StringEquals"
      variable = "ec2:CreateAction"
      values   = ["CreateNetworkAcl"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/managedByFIS"
      values   = ["true"]
    }
  }

  statement {
    sid       = "NetworkAclsOfFis"
    actions   = ["ec2:CreateNetworkAclEntry", "ec2:DeleteNetworkAcl"]
    resources = ["arn:${local.partition}:ec2:${local.region}:${local.account}:network-acl/*"]

    condition {
      test     = "StringEquals"
      variable = "ec2:ResourceTag/managedByFIS"
      values   = ["true"]
    }
  }

  statement {
    sid       = "SwapNetworkAcls"
    actions   = ["ec2:ReplaceNetworkAclAssociation"]
    resources = ["arn:${local.partition}:ec2:${local.region}:${local.account}:network-acl/*"]
  }

  statement {
    sid       = "SwapNetworkAclsOf"
    actions   = ["ec2:ReplaceNetworkAclAssociation"]
    resources = ["arn:${local.partition}:ec2:${local.region}:${local.account}:subnet/*"]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/chaos"
      values   = [var.environment]
    }
  }

  statement {
    sid       = "PrefixLists"
    actions   = ["ec2:GetManagedPrefixListEntries"]
    resources = ["arn:${local.partition}:ec2:${local.region}:${local.account}:prefix-list/*"]
  }

  statement {
    sid       = "Databases"
    actions   = ["rds:FailoverDBCluster"]
    resources = ["arn:${local.partition}:rds:${local.region}:${local.account}:cluster:*"]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/chaos"
      values   = [var.environment]
    }
  }

  statement {
    sid       = "Caches"
    actions   = ["elasticache:InterruptClusterAzPower"]
    resources = ["arn:${local.partition}:elasticache:${local.region}:${local.account}:replicationgroup:*"]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/chaos"
      values   = [var.environment]
    }
  }

  statement {
    sid = "Shift"
    actions = [
      "arc-zonal-shift:StartZonalShift",
      "arc-zonal-shift:UpdateZonalShift",
      "arc-zonal-shift:CancelZonalShift",
      "arc-zonal-shift:GetManagedResource",
    ]
    resources = [
      "arn:${local.partition}:elasticloadbalancing:${local.region}:${local.account}:loadbalancer/app/*",
      "arn:${local.partition}:elasticloadbalancing:${local.region}:${local.account}:loadbalancer/net/*",
    ]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/chaos"
      values   = [var.environment]
    }
  }

  statement {
    sid = "Log"
    actions = [
      "logs:CreateLogDelivery",
      "logs:PutResourcePolicy",
      "logs:DescribeResourcePolicies",
      "logs:DescribeLogGroups",
    ]
    # Deliveries and resource policies are the account's.
    resources = ["*"]
  }

  statement {
    sid       = "Report"
    actions   = ["s3:PutObject", "s3:GetObject"]
    resources = ["${aws_s3_bucket.reports.arn}/*"]
  }
}
