package access

import (
	"fmt"
	"strings"

	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/ident"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/policy"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/template"
)

// Read collects every policy in an assembly.
func Read(a *template.Assembly, r *template.Resolver) (*Book, error) {
	b := &Book{account: r.Account, region: r.Region, roles: map[string]*role{}, rules: map[string][]policy.Document{},
		keys: map[string]string{}, profiles: map[string]string{}}
	steps := []struct {
		kind string
		read func(res *template.Resource, p map[string]any, id string) error
	}{
		{"AWS::IAM::Role", b.readRole},
		{"AWS::IAM::Policy", b.readPolicy},
		{"AWS::IAM::ManagedPolicy", b.readPolicy},
		{"AWS::IAM::InstanceProfile", b.readProfile},
		{"AWS::KMS::Key", b.readKey},
		{"AWS::KMS::Alias", b.readAlias},
		{"AWS::SNS::Topic", b.readTopic},
		{"AWS::SQS::Queue", b.readQueue},
		{"AWS::SQS::QueuePolicy", b.resourcePolicy("Queues", b.queueARN)},
		{"AWS::SNS::TopicPolicy", b.resourcePolicy("Topics", func(topic string) string { return topic })},
		{"AWS::S3::BucketPolicy", b.readBucketPolicy},
		{"AWS::Lambda::Permission", b.readPermission},
	}
	for _, step := range steps {
		for _, res := range a.ByType(step.kind) {
			if err := readOne(r, res, step.read); err != nil {
				return nil, err
			}
		}
	}
	return b, nil
}

func readOne(r *template.Resolver, res *template.Resource, read func(*template.Resource, map[string]any, string) error) error {
	included, err := r.Included(res)
	if err != nil || !included {
		return err
	}
	p, err := r.Properties(res)
	if err != nil {
		return err
	}
	id, _ := r.Physical(res.Stack.Name, res.LogicalID)
	if err := read(res, p, id); err != nil {
		return fmt.Errorf("%s (%s): %w", res.Name(), res.Type, err)
	}
	return nil
}

func (b *Book) roleARN(name string) string {
	if strings.HasPrefix(name, "arn:") {
		return name
	}
	return "arn:aws:iam::" + b.account + ":role/" + name
}

func (b *Book) queueARN(url string) string {
	return fmt.Sprintf("arn:aws:sqs:%s:%s:%s", b.region, b.account, ident.Last(url))
}

func (b *Book) readRole(_ *template.Resource, p map[string]any, id string) error {
	trust, err := policy.Parse(p["AssumeRolePolicyDocument"])
	if err != nil {
		return err
	}
	known := &role{name: id, trust: trust}
	for _, inline := range list(p["Policies"]) {
		own, _ := inline.(map[string]any)
		d, err := policy.Parse(own["PolicyDocument"])
		if err != nil {
			return err
		}
		known.policies = append(known.policies, d)
	}
	for _, arn := range list(p["ManagedPolicyArns"]) {
		name := fmt.Sprint(arn)
		if !strings.HasPrefix(name, "arn:aws:iam::aws:policy/") {
			return fmt.Errorf("the emulator knows AWS-managed policies only, not %s", name)
		}
		d, err := managed(name)
		if err != nil {
			return err
		}
		known.policies = append(known.policies, d)
	}
	b.roles[b.roleARN(id)] = known
	return nil
}

func (b *Book) readPolicy(_ *template.Resource, p map[string]any, _ string) error {
	d, err := policy.Parse(p["PolicyDocument"])
	if err != nil {
		return err
	}
	for _, name := range list(p["Roles"]) {
		known, ok := b.roles[b.roleARN(fmt.Sprint(name))]
		if !ok {
			return fmt.Errorf("it is attached to role %v, which is in no template", name)
		}
		known.policies = append(known.policies, d)
	}
	return nil
}

func (b *Book) readProfile(_ *template.Resource, p map[string]any, id string) error {
	for _, name := range list(p["Roles"]) {
		arn := b.roleARN(fmt.Sprint(name))
		b.profiles[id] = arn
		b.profiles["arn:aws:iam::"+b.account+":instance-profile/"+id] = arn
	}
	return nil
}

func (b *Book) readKey(_ *template.Resource, p map[string]any, id string) error {
	d, err := policy.Parse(p["KeyPolicy"])
	if err != nil {
		return err
	}
	b.rules[b.keyARN(id)] = []policy.Document{d}
	return nil
}

func (b *Book) keyARN(id string) string {
	if strings.HasPrefix(id, "arn:") {
		return id
	}
	return fmt.Sprintf("arn:aws:kms:%s:%s:key/%s", b.region, b.account, id)
}

// readAlias lets a topic name its key by an alias of the account.
func (b *Book) readAlias(_ *template.Resource, p map[string]any, _ string) error {
	b.keys[fmt.Sprint(p["AliasName"])] = b.keyARN(fmt.Sprint(p["TargetKeyId"]))
	return nil
}

func (b *Book) encrypt(arn string, p map[string]any) {
	key, ok := p["KmsMasterKeyId"].(string)
	if !ok || key == "" {
		return
	}
	if target, isAlias := b.keys[key]; isAlias {
		key = target
	}
	if strings.HasPrefix(key, awsManaged) {
		b.keys[arn] = key
		return
	}
	b.keys[arn] = b.keyARN(key)
}

func (b *Book) readTopic(_ *template.Resource, p map[string]any, id string) error {
	b.encrypt(id, p)
	return nil
}

func (b *Book) readQueue(_ *template.Resource, p map[string]any, id string) error {
	b.encrypt(b.queueARN(id), p)
	return nil
}

func (b *Book) resourcePolicy(field string, arn func(string) string) func(*template.Resource, map[string]any, string) error {
	return func(_ *template.Resource, p map[string]any, _ string) error {
		d, err := policy.Parse(p["PolicyDocument"])
		if err != nil {
			return err
		}
		for _, name := range list(p[field]) {
			// One queue or topic has one policy: the last one set replaces those before it.
			b.rules[arn(fmt.Sprint(name))] = []policy.Document{d}
		}
		return nil
	}
}

func (b *Book) readBucketPolicy(_ *template.Resource, p map[string]any, _ string) error {
	d, err := policy.Parse(p["PolicyDocument"])
	b.rules["arn:aws:s3:::"+fmt.Sprint(p["Bucket"])] = []policy.Document{d}
	return err
}

// readPermission turns a function's permission into the statement of its resource policy that it becomes.
// https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html
func (b *Book) readPermission(_ *template.Resource, p map[string]any, _ string) error {
	function := fmt.Sprint(p["FunctionName"])
	if !strings.HasPrefix(function, "arn:") {
		function = fmt.Sprintf("arn:aws:lambda:%s:%s:function:%s", b.region, b.account, function)
	}
	conditions := map[string]any{}
	if source, ok := p["SourceArn"]; ok {
		conditions["ArnLike"] = map[string]any{"aws:SourceArn": source}
	}
	if account, ok := p["SourceAccount"]; ok {
		conditions["StringEquals"] = map[string]any{"aws:SourceAccount": account}
	}
	kind := "AWS"
	if strings.HasSuffix(fmt.Sprint(p["Principal"]), ".amazonaws.com") {
		kind = "Service"
	}
	d, err := policy.Parse(map[string]any{"Statement": map[string]any{"Effect": "Allow", "Action": p["Action"],
		"Resource": function, "Principal": map[string]any{kind: p["Principal"]}, "Condition": conditions}})
	b.rules[function] = append(b.rules[function], d)
	return err
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}
