// Package access knows which roles, resource policies and keys the templates of a deployment make, and decides
// by them whether AWS would let a caller or a service do something.
//
// It must not know what is asked for beyond its action, resource and condition keys.
package access

import (
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/policy"
)

// Book holds every policy of an account.
type Book struct {
	account string
	region  string
	roles   map[string]*role             // by ARN
	rules   map[string][]policy.Document // resource policies by ARN of the resource
	keys    map[string]string            // ARN of the key that encrypts a topic or queue, by its ARN
	// profiles maps the name and the ARN of an instance profile to its role.
	profiles map[string]string
}

type role struct {
	name     string
	trust    policy.Document
	policies []policy.Document
}

// awsManaged marks a topic or queue under a key that AWS owns and nobody can change.
const awsManaged = "alias/aws/"

// Denied is a refusal by policy.
type Denied struct {
	Principal, Action, Resource, Why string
}

func (d *Denied) Error() string {
	on := ""
	if d.Resource != "" {
		on = " on resource: " + d.Resource
	}
	return fmt.Sprintf("User: %s is not authorized to perform: %s%s because %s", d.Principal, d.Action, on, d.Why)
}

// Context is the values of condition keys, keys in lower case.
type Context map[string][]string

func (b *Book) context(c Context) Context {
	full := Context{"aws:securetransport": {"true"}, "aws:resourceaccount": {b.account}}
	maps.Copy(full, c)
	return full
}

// Service decides whether a service may act on a resource on behalf of another, its source, in this account.
// Only the resource's own policy can let it, and the key's if the resource is encrypted.
// https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html#compatibility-with-aws-services
func (b *Book) Service(service, action, resource, source string) error {
	c := b.context(Context{"aws:sourceaccount": {b.account}, "aws:sourcearn": {source}, "aws:sourceowner": {b.account},
		"aws:principalisawsservice": {"true"}})
	r := policy.Request{Principal: policy.Principal{Service: service, Account: b.account}, Action: action,
		Resource: resource, Context: c}
	effect, err := b.byResource(r)
	if err != nil {
		return err
	}
	if effect != policy.Allow {
		return &Denied{service + " for " + source, action, resource, "no resource-based policy allows it: " + said(effect)}
	}
	return b.key(r)
}

// byResource is what the resource's policies say. A topic without one has SNS's default policy, under which
// alarms of the account may publish.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
func (b *Book) byResource(r policy.Request) (policy.Effect, error) {
	documents, has := b.rules[r.Resource]
	if !has && r.Action == "sns:Publish" && r.Principal.Service == "cloudwatch.amazonaws.com" {
		return policy.Allow, nil
	}
	return combined(documents, r, policy.Document.Resource)
}

func combined(documents []policy.Document, r policy.Request,
	ask func(policy.Document, policy.Request) (policy.Effect, error)) (policy.Effect, error) {
	result := policy.Silent
	for _, d := range documents {
		effect, err := ask(d, r)
		if err != nil || effect == policy.Deny {
			return effect, err
		}
		result = max(result, effect)
	}
	return result, nil
}

// Role decides whether a role may act on a resource: its own policies or the resource's must allow it, and none
// may deny it. An empty resource is one that the emulator cannot tell.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics.html
func (b *Book) Role(arn, action, resource string, c Context) error {
	full := b.context(c)
	full["aws:principalarn"] = []string{arn}
	full["aws:principalaccount"] = []string{b.account}
	r := policy.Request{Principal: policy.Principal{ARN: arn, Account: b.account}, Action: action, Resource: resource,
		Context: full}
	own, err := b.identity(r)
	if err != nil {
		return err
	}
	others, err := combined(b.rules[resource], r, policy.Document.Resource)
	if err != nil {
		return err
	}
	switch {
	case own == policy.Deny || others == policy.Deny:
		return &Denied{b.session(arn), action, resource, "of an explicit deny"}
	case own != policy.Allow && others != policy.Allow:
		return &Denied{b.session(arn), action, resource, "no identity-based policy allows the " + action + " action"}
	}
	return b.key(r)
}

func (b *Book) identity(r policy.Request) (policy.Effect, error) {
	known, ok := b.roles[r.Principal.ARN]
	if !ok {
		return policy.Silent, fmt.Errorf("role %s is in no template", r.Principal.ARN)
	}
	return combined(known.policies, r, policy.Document.Identity)
}

// session is how AWS names a role's caller in its refusals.
func (b *Book) session(arn string) string {
	name := arn[strings.LastIndex(arn, "/")+1:]
	return fmt.Sprintf("arn:aws:sts::%s:assumed-role/%s/%s", b.account, name, name)
}

// key decides whether a sender may use the key of an encrypted topic or queue.
func (b *Book) key(r policy.Request) error {
	key, encrypted := b.keys[r.Resource]
	if !encrypted || r.Action != "sns:Publish" && r.Action != "sqs:SendMessage" {
		return nil
	}
	if strings.HasPrefix(key, awsManaged) {
		if r.Principal.Service == "" {
			return nil
		}
		return &Denied{r.Principal.Service, "kms:GenerateDataKey*", r.Resource,
			"it is encrypted under " + key + ", which no service but its own may use"}
	}
	r.Context["kms:calleraccount"] = []string{b.account}
	service, _, _ := strings.Cut(r.Action, ":")
	r.Context["kms:viaservice"] = []string{service + "." + b.region + ".amazonaws.com"}
	r.Resource = key
	for _, action := range []string{"kms:GenerateDataKey", "kms:Decrypt"} {
		r.Action = action
		if err := b.useKey(r); err != nil {
			return err
		}
	}
	return nil
}

func (b *Book) useKey(r policy.Request) error {
	effect, err := combined(b.rules[r.Resource], r, policy.Document.Resource)
	if err != nil || effect == policy.Allow {
		return err
	}
	if effect == policy.Silent && r.Principal.Service == "" {
		delegated := false
		for _, d := range b.rules[r.Resource] {
			yes, err := d.Delegates(r)
			if err != nil {
				return err
			}
			delegated = delegated || yes
		}
		own, err := b.identity(r)
		if err != nil || delegated && own == policy.Allow {
			return err
		}
	}
	return &Denied{r.Principal.String(), r.Action, r.Resource, "the key policy does not allow it: " + said(effect)}
}

// Assume decides whether a service may take a role.
func (b *Book) Assume(arn, service string) error {
	known, ok := b.roles[arn]
	if !ok {
		return fmt.Errorf("role %s is in no template", arn)
	}
	effect, err := known.trust.Resource(policy.Request{Principal: policy.Principal{Service: service, Account: b.account},
		Action: "sts:AssumeRole", Context: b.context(Context{"aws:sourceaccount": {b.account}})})
	if err != nil {
		return err
	}
	if effect != policy.Allow {
		return &Denied{service, "sts:AssumeRole", arn, "its trust policy does not allow it"}
	}
	return nil
}

// RoleOf is the ARN of an instance profile's role, by the profile's name or ARN.
func (b *Book) RoleOf(profile string) (string, bool) {
	arn, ok := b.profiles[profile]
	return arn, ok
}

// IsDenied reports whether an error is a refusal by policy.
func IsDenied(err error) bool {
	var denied *Denied
	return errors.As(err, &denied)
}

func said(e policy.Effect) string {
	if e == policy.Deny {
		return "it denies it"
	}
	return "nothing grants it"
}
