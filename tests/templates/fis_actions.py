"""What AWS's reference of FIS actions says of those that the library has.

Of each: what it acts on, the parameters that it must have, those that it may have, and what its role needs.
"""

from __future__ import annotations

ACTIONS: dict[str, tuple[dict[str, str], set[str], set[str], str]] = {
    "aws:fis:wait": ({}, {"duration"}, set(), ""),
    "aws:arc:start-zonal-autoshift": (
        {"ManagedResources": "aws:arc:zonal-shift-managed-resource"},
        {"duration", "availabilityZoneIdentifier", "managedResourceTypes"},
        {"zonalAutoshiftStatus"},
        "arc-zonal-shift:StartZonalShift arc-zonal-shift:GetManagedResource arc-zonal-shift:UpdateZonalShift "
        "arc-zonal-shift:CancelZonalShift arc-zonal-shift:ListManagedResources autoscaling:DescribeTags tag:GetResources",
    ),
    "aws:dynamodb:global-table-pause-replication": (
        {"Tables": "aws:dynamodb:global-table"},
        {"duration"},
        set(),
        "dynamodb:PutResourcePolicy dynamodb:DeleteResourcePolicy dynamodb:GetResourcePolicy dynamodb:DescribeTable "
        "dynamodb:InjectError tag:GetResources",
    ),
    "aws:ec2:asg-insufficient-instance-capacity-error": (
        {"AutoScalingGroups": "aws:ec2:autoscaling-group"},
        {"duration", "availabilityZoneIdentifiers"},
        {"percentage"},
        "ec2:InjectApiError autoscaling:DescribeAutoScalingGroups",
    ),
    "aws:ec2:stop-instances": (
        {"Instances": "aws:ec2:instance"},
        {"startInstancesAfterDuration"},
        {"completeIfInstancesTerminated"},
        "ec2:StopInstances ec2:StartInstances ec2:DescribeInstances kms:CreateGrant",
    ),
    "aws:ecs:stop-task": (
        {"Tasks": "aws:ecs:task"},
        set(),
        set(),
        "ecs:DescribeTasks ecs:ListTasks ecs:StopTask tag:GetResources",
    ),
    "aws:ecs:task-cpu-stress": (
        {"Tasks": "aws:ecs:task"},
        {"duration"},
        {"percent", "workers", "installDependencies"},
        "ecs:DescribeTasks ecs:ListTasks ssm:SendCommand ssm:ListCommands ssm:CancelCommand tag:GetResources",
    ),
    "aws:eks:pod-delete": (
        {"Pods": "aws:eks:pod"},
        {"kubernetesServiceAccount"},
        {"gracePeriodSeconds"},
        "eks:DescribeCluster ec2:DescribeSubnets tag:GetResources",
    ),
    "aws:eks:pod-network-latency": (
        {"Pods": "aws:eks:pod"},
        {"duration", "kubernetesServiceAccount"},
        {"delayMilliseconds", "jitterMilliseconds", "sources"},
        "eks:DescribeCluster ec2:DescribeSubnets tag:GetResources",
    ),
    "aws:elasticache:replicationgroup-interrupt-az-power": (
        {"ReplicationGroups": "aws:elasticache:replicationgroup"},
        {"duration"},
        set(),
        "elasticache:InterruptClusterAzPower elasticache:DescribeReplicationGroups tag:GetResources",
    ),
    "aws:fis:inject-api-throttle-error": (
        {"Roles": "aws:iam:role"},
        {"duration", "service", "percentage", "operations"},
        set(),
        "fis:InjectApiThrottleError",
    ),
    "aws:fis:inject-api-unavailable-error": (
        {"Roles": "aws:iam:role"},
        {"duration", "service", "percentage", "operations"},
        set(),
        "fis:InjectApiUnavailableError",
    ),
    "aws:lambda:invocation-add-delay": (
        {"Functions": "aws:lambda:function"},
        {"duration"},
        {"invocationPercentage", "startupDelayMilliseconds"},
        "s3:PutObject s3:DeleteObject lambda:GetFunction tag:GetResources",
    ),
    "aws:lambda:invocation-error": (
        {"Functions": "aws:lambda:function"},
        {"duration", "preventExecution"},
        {"invocationPercentage"},
        "s3:PutObject s3:DeleteObject lambda:GetFunction tag:GetResources",
    ),
    "aws:network:disrupt-connectivity": (
        {"Subnets": "aws:ec2:subnet"},
        {"duration", "scope"},
        {"prefixListIdentifier"},
        "ec2:CreateNetworkAcl ec2:CreateNetworkAclEntry ec2:CreateTags ec2:DeleteNetworkAcl ec2:DescribeManagedPrefixLists "
        "ec2:DescribeNetworkAcls ec2:DescribeSubnets ec2:DescribeVpcs ec2:GetManagedPrefixListEntries "
        "ec2:ReplaceNetworkAclAssociation",
    ),
    "aws:network:route-table-disrupt-cross-region-connectivity": (
        {"Subnets": "aws:ec2:subnet"},
        {"duration", "region"},
        set(),
        "ec2:AssociateRouteTable ec2:CreateManagedPrefixList ec2:CreateNetworkInterface ec2:CreateRoute ec2:CreateRouteTable "
        "ec2:CreateTags ec2:DeleteManagedPrefixList ec2:DeleteNetworkInterface ec2:DeleteRouteTable "
        "ec2:DescribeManagedPrefixLists ec2:DescribeNetworkInterfaces ec2:DescribeRouteTables ec2:DescribeSubnets "
        "ec2:DescribeVpcEndpoints ec2:DescribeVpcPeeringConnections ec2:DescribeVpcs ec2:DisassociateRouteTable "
        "ec2:GetManagedPrefixListEntries ec2:ModifyManagedPrefixList ec2:ModifyVpcEndpoint ec2:ReplaceRouteTableAssociation",
    ),
    "aws:network:transit-gateway-disrupt-cross-region-connectivity": (
        {"TransitGateways": "aws:ec2:transit-gateway"},
        {"duration", "region"},
        set(),
        "ec2:AssociateTransitGatewayRouteTable ec2:DescribeTransitGatewayAttachments "
        "ec2:DescribeTransitGatewayPeeringAttachments ec2:DescribeTransitGateways ec2:DisassociateTransitGatewayRouteTable",
    ),
    "aws:rds:failover-db-cluster": (
        {"Clusters": "aws:rds:cluster"},
        set(),
        set(),
        "rds:FailoverDBCluster rds:DescribeDBClusters tag:GetResources",
    ),
    "aws:s3:bucket-pause-replication": (
        {"Buckets": "aws:s3:bucket"},
        {"duration", "region"},
        {"destinationBuckets", "prefixes"},
        "s3:PutReplicationConfiguration s3:GetReplicationConfiguration s3:PauseReplication s3:ListAllMyBuckets tag:GetResources",
    ),
    "aws:ssm:send-command": (
        {"Instances": "aws:ec2:instance"},
        {"documentArn", "documentParameters", "duration"},
        {"documentVersion"},
        "ec2:DescribeInstances ssm:SendCommand ssm:ListCommands ssm:CancelCommand",
    ),
}

# Permissions by which FIS finds targets by these parameters, whatever the action is.
TARGETS: dict[str, dict[str, str]] = {
    "aws:ec2:subnet": {"availabilityZoneIdentifier": "ec2:DescribeSubnets"},
    "aws:ecs:task": dict.fromkeys(("cluster", "service"), "ecs:ListTasks ecs:DescribeTasks"),
    "aws:eks:pod": dict.fromkeys(
        ("clusterIdentifier", "namespace", "selectorType", "selectorValue"), "eks:DescribeCluster"
    ),
    "aws:elasticache:replicationgroup": {"availabilityZoneIdentifier": "elasticache:DescribeReplicationGroups"},
    # The zone of a cluster's writer is that of the instance.
    "aws:rds:cluster": {"writerAvailabilityZoneIdentifiers": "rds:DescribeDBClusters rds:DescribeDBInstances"},
}
