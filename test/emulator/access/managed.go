package access

import (
	"fmt"
	"strings"

	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/policy"
)

// managedActions are what the AWS-managed policies that the emulator knows allow on all resources.
// https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html
var managedActions = map[string][]any{
	"AWSLambdaBasicExecutionRole": {"logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"},
	"AWSLambdaVPCAccessExecutionRole": {"logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents",
		"ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets",
		"ec2:DeleteNetworkInterface", "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses"},
	"AWSLambdaSQSQueueExecutionRole": {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes",
		"logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"},
	"AmazonSSMManagedInstanceCore": {"ssm:DescribeAssociation", "ssm:GetDeployablePatchSnapshotForInstance",
		"ssm:GetDocument", "ssm:DescribeDocument", "ssm:GetManifest", "ssm:GetParameter", "ssm:GetParameters",
		"ssm:ListAssociations", "ssm:ListInstanceAssociations", "ssm:PutInventory", "ssm:PutComplianceItems",
		"ssm:PutConfigurePackageResult", "ssm:UpdateAssociationStatus", "ssm:UpdateInstanceAssociationStatus",
		"ssm:UpdateInstanceInformation", "ssmmessages:*", "ec2messages:*"},
}

func managed(arn string) (policy.Document, error) {
	name := arn[strings.LastIndex(arn, "/")+1:]
	actions, ok := managedActions[name]
	if !ok {
		return policy.Document{}, fmt.Errorf("the AWS-managed policy %s is not known to the emulator", name)
	}
	return policy.Parse(map[string]any{"Statement": map[string]any{"Effect": "Allow", "Action": actions, "Resource": "*"}})
}
