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
      "ec2:DescribeSubnets",
      "ec2:DescribeVpcs",
      "ec2:DescribeRouteTables",
      "ec2:DescribeNetworkInterfaces",
      "ec2:DescribeManagedPrefixLists",
      "ec2:DescribeVpcPeeringConnections",
      "ec2:DescribeVpcEndpoints",
      "ec2:DescribeTransitGateways",
      "ec2:DescribeTransitGatewayAttachments",
      "ec2:DescribeTransitGatewayPeeringAttachments",
      "s3:ListAllMyBuckets",
    ]
    # These have no narrower resource.
    resources = ["*"]
  }

  statement {
    sid     = "Make"
    actions = ["ec2:CreateRouteTable", "ec2:CreateNetworkInterface", "ec2:CreateManagedPrefixList"]
    resources = [
      "arn:${local.partition}:ec2:${local.region}:${local.account}:route-table/*",
      "arn:${local.partition}:ec2:${local.region}:${local.account}:network-interface/*",
      "arn:${local.partition}:ec2:${local.region}:${local.account}:prefix-list/*",
    ]

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/managedByFIS"
      values   = ["true"]
    }
  }

  statement {
    sid     = "MakeIn"
    actions = ["ec2:CreateRouteTable", "ec2:CreateNetworkInterface"]
    resources = [
      "arn:${local.partition}:ec2:${local.region}:${local.account}:vpc/*",
      "arn:${local.partition}:ec2:${local.region}:${local.account}:subnet/*",
      "arn:${local.partition}:ec2:${local.region}:${local.account}:security-group/*",
    ]
  }

  statement {
    sid       = "TagRouteTables"
    actions   = ["ec2:CreateTags"]
    resources = ["arn:${local.partition}:ec2:${local.region}:${local.account}:route-table/*"]

    condition {
      test     = "StringEquals"
      variable = "ec2:CreateAction"
      values   = ["CreateRouteTable"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/managedByFIS"
      values   = ["true"]
    }
  }

  statement {
    sid       = "TagInterfaces"
    actions   = ["ec2:CreateTags"]
    resources = ["arn:${local.partition}:ec2:${local.region}:${local.account}:network-interface/*"]

    condition {
      test     = "StringEquals"
      variable = "ec2:CreateAction"
      values   = ["CreateNetworkInterface"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/managedByFIS"
      values   = ["true"]
    }
  }

  statement {
    sid       = "TagPrefixLists"
    actions   = ["ec2:CreateTags"]
    resources = ["arn:${local.partition}:ec2:${local.region}:${local.account}:prefix-list/*"]

    condition {
      test     = "StringEquals"
      variable = "ec2:CreateAction"
      values   = ["CreateManagedPrefixList"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/managedByFIS"
      values   = ["true"]
    }
  }

  statement {
    sid = "OfFis"
    actions = [
      "ec2:CreateRoute",
      "ec2:DeleteRouteTable",
      "ec2:DeleteNetworkInterface",
      "ec2:ModifyManagedPrefixList",
      "ec2:DeleteManagedPrefixList",
      "ec2:ModifyVpcEndpoint",
      "ec2:DisassociateRouteTable",
    ]
    resources = [
      "arn:${local.partition}:ec2:${local.region}:${local.account}:route-table/*",
      "arn:${local.partition}:ec2:${local.region}:${local.account}:network-interface/*",
      "arn:${local.partition}:ec2:${local.region}:${local.account}:prefix-list/*",
    ]

    condition {
      test     = "StringEquals"
      variable = "ec2:ResourceTag/managedByFIS"
      values   = ["true"]
    }
  }

  statement {
    sid       = "PrefixLists"
    actions   = ["ec2:GetManagedPrefixListEntries"]
    resources = ["arn:${local.partition}:ec2:${local.region}:${local.account}:prefix-list/*"]
  }

  statement {
    sid     = "Endpoints"
    actions = ["ec2:ModifyVpcEndpoint"]
    # Endpoints of the subnets' route tables follow them.
    resources = ["arn:${local.partition}:ec2:${local.region}:${local.account}:vpc-endpoint/*"]
  }

  statement {
    sid     = "SwapRouteTables"
    actions = ["ec2:AssociateRouteTable", "ec2:ReplaceRouteTableAssociation"]
    # The subnets' own route tables have no tag of FIS.
    resources = ["arn:${local.partition}:ec2:${local.region}:${local.account}:route-table/*"]
  }

  statement {
    sid       = "SwapRouteTablesOf"
    actions   = ["ec2:AssociateRouteTable", "ec2:ReplaceRouteTableAssociation", "ec2:DisassociateRouteTable"]
    resources = ["arn:${local.partition}:ec2:${local.region}:${local.account}:subnet/*"]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/chaos"
      values   = [var.environment]
    }
  }

  statement {
    sid     = "Gateways"
    actions = ["ec2:AssociateTransitGatewayRouteTable", "ec2:DisassociateTransitGatewayRouteTable"]
    resources = [
      "arn:${local.partition}:ec2:${local.region}:${local.account}:transit-gateway-route-table/*",
      "arn:${local.partition}:ec2:${local.region}:${local.account}:transit-gateway-attachment/*",
    ]
  }

  statement {
    sid = "Table"
    actions = [
      "dynamodb:DescribeTable",
      "dynamodb:GetResourcePolicy",
      "dynamodb:PutResourcePolicy",
      "dynamodb:DeleteResourcePolicy",
    ]
    resources = [
      "arn:${local.partition}:dynamodb:${local.region}:${local.account}:table/${var.table_name}",
      "arn:${local.partition}:dynamodb:${local.region}:${local.account}:table/${var.table_name}/stream/*",
    ]
  }

  statement {
    sid     = "StronglyConsistent"
    actions = ["dynamodb:InjectError"]
    # Needed by tables of strong consistency alone. It has no narrower resource.
    resources = ["*"]
  }

  statement {
    sid       = "Bucket"
    actions   = ["s3:PauseReplication"]
    resources = ["arn:${local.partition}:s3:::${var.bucket_name}"]

    condition {
      test     = "StringEquals"
      variable = "s3:DestinationRegion"
      values   = [var.other_region]
    }
  }

  statement {
    sid       = "BucketRules"
    actions   = ["s3:GetReplicationConfiguration", "s3:PutReplicationConfiguration"]
    resources = ["arn:${local.partition}:s3:::${var.bucket_name}"]

    condition {
      test     = "BoolIfExists"
      variable = "s3:isReplicationPauseRequest"
      values   = ["true"]
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
