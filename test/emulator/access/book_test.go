package access

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/template"
)

const account = "123456789012"

// read builds a book from resources whose physical ids are their logical ones, in AWS's forms.
func read(t *testing.T, resources map[string]*template.Resource) (*Book, error) {
	t.Helper()
	s := &template.Stack{Name: "app", Resources: resources}
	for id, res := range resources {
		res.Stack, res.LogicalID = s, id
	}
	a := &template.Assembly{Stacks: []*template.Stack{s}}
	r := &template.Resolver{Account: account, Region: "us-east-1", Physical: func(_, id string) (string, bool) {
		switch resources[id].Type {
		case "AWS::SNS::Topic":
			return topic(id), true
		case "AWS::SQS::Queue":
			return "https://sqs.us-east-1.amazonaws.com/" + account + "/" + id, true
		default:
			return id, true
		}
	}}
	return Read(a, r.Over(a))
}

func topic(name string) string   { return "arn:aws:sns:us-east-1:" + account + ":" + name }
func queue(name string) string   { return "arn:aws:sqs:us-east-1:" + account + ":" + name }
func roleARN(name string) string { return "arn:aws:iam::" + account + ":role/" + name }

func document(statements ...map[string]any) map[string]any {
	list := []any{}
	for _, s := range statements {
		list = append(list, s)
	}
	return map[string]any{"Statement": list}
}

func allow(principal any, action string) map[string]any {
	s := map[string]any{"Effect": "Allow", "Action": action, "Resource": "*"}
	if principal != nil {
		s["Principal"] = principal
	}
	return s
}

func service(name string) map[string]any { return map[string]any{"Service": name + ".amazonaws.com"} }

func roleWith(statements ...map[string]any) *template.Resource {
	return &template.Resource{Type: "AWS::IAM::Role", Properties: map[string]any{
		"AssumeRolePolicyDocument": document(map[string]any{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": service("lambda")}),
		"Policies":                 []any{map[string]any{"PolicyDocument": document(statements...)}}}}
}

// TestAnEncryptedTopicNeedsItsKeyToo walks what an alarm and a node need to publish: topic, policy, key.
func TestAnEncryptedTopicNeedsItsKeyToo(t *testing.T) {
	root := map[string]any{"AWS": "arn:aws:iam::" + account + ":root"}
	for name, c := range map[string]struct {
		key         map[string]any
		named       string // KmsMasterKeyId
		service, by bool   // whether the alarm and the node may publish
	}{
		"a key that CloudWatch may use lets alarms, and delegates to the node's own policy": {
			document(allow(root, "kms:*"), allow(service("cloudwatch"), "kms:*")), "Key", true, true},
		"a key that only delegates lets no alarm":     {document(allow(root, "kms:*")), "Key", false, true},
		"a key that does not delegate lets no node":   {document(allow(service("cloudwatch"), "kms:*")), "Key", true, false},
		"a key may let the node itself":               {document(allow(map[string]any{"AWS": roleARN("Node")}, "kms:*")), "Key", false, true},
		"a key named by its alias counts":             {document(allow(root, "kms:*")), "alias/own", false, true},
		"the key that AWS owns lets no other service": {document(), "alias/aws/sns", false, true},
		"a topic that is not encrypted needs no key":  {document(), "", true, true},
		"a key with which encryption alone is no use": {document(allow(service("cloudwatch"), "kms:GenerateDataKey")), "Key", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := read(t, map[string]*template.Resource{
				"Key":   {Type: "AWS::KMS::Key", Properties: map[string]any{"KeyPolicy": c.key}},
				"Alias": {Type: "AWS::KMS::Alias", Properties: map[string]any{"AliasName": "alias/own", "TargetKeyId": "Key"}},
				"Topic": {Type: "AWS::SNS::Topic", Properties: map[string]any{"KmsMasterKeyId": c.named}},
				"TopicPolicy": {Type: "AWS::SNS::TopicPolicy", Properties: map[string]any{"Topics": []any{topic("Topic")},
					"PolicyDocument": document(allow(service("cloudwatch"), "sns:Publish"))}},
				"Node": roleWith(allow(nil, "sns:Publish"), allow(nil, "kms:*")),
			})
			require.NoError(t, err)
			check := func(err error, may bool) {
				if may {
					assert.NoError(t, err)
				} else {
					assert.True(t, IsDenied(err), "%v", err)
				}
			}
			check(b.Service("cloudwatch.amazonaws.com", "sns:Publish", topic("Topic"), "arn:alarm"), c.service)
			check(b.Role(roleARN("Node"), "sns:Publish", topic("Topic"), nil), c.by)
		})
	}
}

func TestATopicWithoutAPolicyLetsAlarmsOnly(t *testing.T) {
	b, err := read(t, map[string]*template.Resource{"Topic": {Type: "AWS::SNS::Topic"}})
	require.NoError(t, err)
	assert.NoError(t, b.Service("cloudwatch.amazonaws.com", "sns:Publish", topic("Topic"), "arn:alarm"))
	assert.True(t, IsDenied(b.Service("events.amazonaws.com", "sns:Publish", topic("Topic"), "arn:rule")))
}

func TestAFunctionsPermissionNamesWhoMayInvokeIt(t *testing.T) {
	b, err := read(t, map[string]*template.Resource{"P": {Type: "AWS::Lambda::Permission", Properties: map[string]any{
		"FunctionName": "f", "Action": "lambda:InvokeFunction", "Principal": "events.amazonaws.com",
		"SourceArn": "arn:aws:events:us-east-1:" + account + ":rule/minute", "SourceAccount": account}}})
	require.NoError(t, err)
	function := "arn:aws:lambda:us-east-1:" + account + ":function:f"
	assert.NoError(t, b.Service("events.amazonaws.com", "lambda:InvokeFunction", function, "arn:aws:events:us-east-1:"+account+":rule/minute"))
	assert.True(t, IsDenied(b.Service("events.amazonaws.com", "lambda:InvokeFunction", function, "arn:aws:events:us-east-1:"+account+":rule/hour")))
	assert.True(t, IsDenied(b.Service("sns.amazonaws.com", "lambda:InvokeFunction", function, topic("t"))))
}

func TestARoleMayDoWhatItsPoliciesOrTheResourcesLetIt(t *testing.T) {
	denied := map[string]any{"Effect": "Deny", "Action": "sqs:SendMessage", "Resource": queue("Closed"), "Principal": "*"}
	b, err := read(t, map[string]*template.Resource{
		"Worker":   roleWith(),
		"Reader":   roleWith(allow(nil, "sqs:Receive*"), allow(nil, "sqs:SendMessage")),
		"Attached": {Type: "AWS::IAM::Policy", Properties: map[string]any{"Roles": []any{"Worker"}, "PolicyDocument": document(allow(nil, "sqs:DeleteMessage"))}},
		"Open":     {Type: "AWS::SQS::Queue"},
		"OpenPolicy": {Type: "AWS::SQS::QueuePolicy", Properties: map[string]any{"Queues": []any{"https://sqs.us-east-1.amazonaws.com/" + account + "/Open"},
			"PolicyDocument": document(allow(map[string]any{"AWS": roleARN("Worker")}, "sqs:SendMessage"))}},
		"Closed": {Type: "AWS::SQS::Queue"},
		"ClosedPolicy": {Type: "AWS::SQS::QueuePolicy", Properties: map[string]any{"Queues": []any{"https://sqs.us-east-1.amazonaws.com/" + account + "/Closed"},
			"PolicyDocument": document(denied)}},
		"Profile": {Type: "AWS::IAM::InstanceProfile", Properties: map[string]any{"Roles": []any{"Reader"}}},
	})
	require.NoError(t, err)
	assert.NoError(t, b.Role(roleARN("Worker"), "sqs:DeleteMessage", queue("Open"), nil), "by an attached policy")
	assert.NoError(t, b.Role(roleARN("Worker"), "sqs:SendMessage", queue("Open"), nil), "by the queue's policy")
	assert.True(t, IsDenied(b.Role(roleARN("Worker"), "sqs:ReceiveMessage", queue("Open"), nil)))
	err = b.Role(roleARN("Reader"), "sqs:SendMessage", queue("Closed"), nil)
	assert.ErrorContains(t, err, "User: arn:aws:sts::123456789012:assumed-role/Reader/Reader is not authorized to perform: sqs:SendMessage on resource: "+
		queue("Closed")+" because of an explicit deny")
	assert.ErrorContains(t, b.Role(roleARN("Nobody"), "sqs:SendMessage", queue("Open"), nil), "is in no template")
	assert.NoError(t, b.Assume(roleARN("Worker"), "lambda.amazonaws.com"))
	assert.True(t, IsDenied(b.Assume(roleARN("Worker"), "ec2.amazonaws.com")))
	arn, ok := b.RoleOf("Profile")
	assert.True(t, ok)
	assert.Equal(t, roleARN("Reader"), arn)
}

func TestAPolicyThatCannotBeReadIsAnErrorThatNamesItsResource(t *testing.T) {
	for name, res := range map[string]*template.Resource{
		"a policy of an unknown role": {Type: "AWS::IAM::Policy", Properties: map[string]any{"Roles": []any{"Ghost"}, "PolicyDocument": document()}},
		"an effect that is none":      {Type: "AWS::KMS::Key", Properties: map[string]any{"KeyPolicy": document(map[string]any{"Effect": "Perhaps"})}},
		"a role with an unknown managed policy": {Type: "AWS::IAM::Role", Properties: map[string]any{"AssumeRolePolicyDocument": document(),
			"ManagedPolicyArns": []any{"arn:aws:iam::" + account + ":policy/own"}}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := read(t, map[string]*template.Resource{"Thing": res})
			assert.ErrorContains(t, err, "app/Thing")
		})
	}
}
