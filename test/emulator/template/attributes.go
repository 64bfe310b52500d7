package template

import (
	"fmt"
	"strings"
)

// getAtt resolves Fn::GetAtt, written as a list or as "Logical.Attribute".
func (r *Resolver) getAtt(s *Stack, argument any) (any, error) {
	var logical, name string
	switch a := argument.(type) {
	case string:
		logical, name, _ = strings.Cut(a, ".")
	case []any:
		if len(a) != 2 {
			return nil, fmt.Errorf("Fn::GetAtt needs 2 arguments, it has %v", a)
		}
		logical, name = fmt.Sprint(a[0]), fmt.Sprint(a[1])
	}
	res, ok := s.Resources[logical]
	if !ok {
		return nil, fmt.Errorf("Fn::GetAtt names %q, which stack %s does not hold", logical, s.Name)
	}
	if r.Attribute != nil {
		if v, ok := r.Attribute(s.Name, logical, name); ok {
			return v, nil
		}
	}
	id, ok := r.Physical(s.Name, logical)
	if !ok {
		return nil, fmt.Errorf("%s has no physical id: the deployment did not make it", res.Name())
	}
	if v, ok := r.derived(res, id, name); ok {
		return v, nil
	}
	// An attribute that repeats a property of the same name, as a VPC's CidrBlock does.
	if property, ok := res.Properties[name]; ok {
		return r.Resolve(s, property)
	}
	return nil, fmt.Errorf("attribute %s of %s (%s) is not known to the emulator", name, res.Name(), res.Type)
}

// derived computes the attributes that follow from a resource's physical id, by the return values that each
// type's page documents.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-template-resource-type-ref.html
func (r *Resolver) derived(res *Resource, id, name string) (string, bool) {
	arn := func(service, rest string) string {
		return fmt.Sprintf("arn:aws:%s:%s:%s:%s", service, r.Region, r.Account, rest)
	}
	last := id[strings.LastIndex(id, "/")+1:]
	switch res.Type + "." + name {
	case "AWS::SQS::Queue.Arn":
		return arn("sqs", last), true
	case "AWS::SQS::Queue.QueueName":
		return last, true
	case "AWS::SQS::Queue.QueueUrl", "AWS::SNS::Topic.TopicArn", "AWS::EC2::SecurityGroup.GroupId",
		"AWS::EC2::VPC.VpcId", "AWS::EC2::Subnet.SubnetId", "AWS::Route53::HostedZone.Id",
		"AWS::EC2::LaunchTemplate.LaunchTemplateId", "AWS::SecretsManager::Secret.Id", "AWS::KMS::Key.KeyId":
		return id, true
	case "AWS::SNS::Topic.TopicName":
		return id[strings.LastIndex(id, ":")+1:], true
	case "AWS::Lambda::Function.Arn":
		return arn("lambda", "function:"+id), true
	case "AWS::IAM::Role.Arn":
		return fmt.Sprintf("arn:aws:iam::%s:role/%s", r.Account, id), true
	case "AWS::IAM::InstanceProfile.Arn":
		return fmt.Sprintf("arn:aws:iam::%s:instance-profile/%s", r.Account, id), true
	case "AWS::DynamoDB::Table.Arn", "AWS::DynamoDB::GlobalTable.Arn":
		return arn("dynamodb", "table/"+id), true
	case "AWS::KMS::Key.Arn":
		return arn("kms", "key/"+id), true
	case "AWS::S3::Bucket.Arn":
		return "arn:aws:s3:::" + id, true
	case "AWS::Logs::LogGroup.Arn":
		return arn("logs", "log-group:"+id+":*"), true
	case "AWS::Events::Rule.Arn":
		return arn("events", "rule/"+id), true
	case "AWS::CloudWatch::Alarm.Arn":
		return arn("cloudwatch", "alarm:"+id), true
	case "AWS::EC2::LaunchTemplate.LatestVersionNumber":
		return "$Latest", true
	case "AWS::EC2::LaunchTemplate.DefaultVersionNumber":
		return "$Default", true
	default:
		return "", false
	}
}
