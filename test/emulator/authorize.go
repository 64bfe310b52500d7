package emulator

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"strings"

	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/access"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/ident"
)

// authorize checks a call of a function or instance against its role. Others, as the deployment, may do all.
func (c *Cloud) authorize(r *http.Request, in call) error {
	c.mu.Lock()
	who, known := c.callers[in.key]
	book := c.book
	if known {
		c.calls[who.name+" "+in.permission()]++
	}
	c.mu.Unlock()
	if !known || in.service == "sts" {
		return nil
	}
	if in.action == "" {
		return fmt.Errorf("call %s %s of %s cannot be told: no action", r.Method, r.URL.Path, who.name)
	}
	for _, on := range c.resources(r, in) {
		if err := book.Role(who.role, in.permission(), on.arn, on.context); err != nil {
			return fmt.Errorf("%s: %w", who.name, err)
		}
	}
	return nil
}

// concerned is a resource that a call concerns; an empty ARN is one that cannot be told, or all.
type concerned struct {
	arn     string
	context access.Context
}

// resources derives what a call concerns, where its service makes that simple.
// https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
func (c *Cloud) resources(r *http.Request, in call) []concerned {
	one := func(arn string) []concerned { return []concerned{{arn: arn}} }
	switch in.service {
	case "autoscaling":
		return c.scalingResources(in)
	case "sqs":
		return one(c.arn("sqs", ident.Last(in.text("QueueUrl"))))
	case "sns":
		return one(in.text("TopicArn"))
	case "dynamodb":
		if table := in.text("TableName"); table != "" {
			return one(c.arn("dynamodb", "table/"+table[strings.LastIndex(table, "/")+1:]))
		}
	case "secretsmanager":
		return one(c.secret(in.text("SecretId")))
	case "ssm":
		return c.parameters(in)
	case "events":
		return c.entries(in)
	case "lambda":
		return one(c.arn("lambda", "function:"+functionOf(r)))
	case "s3":
		return one("arn:aws:s3:::" + strings.Trim(r.URL.Path, "/"))
	case "route53":
		return route53Resource(r, in)
	}
	return one("")
}

func (c *Cloud) scalingResources(in call) []concerned {
	if strings.HasPrefix(in.action, "Describe") {
		return []concerned{{}} // describe calls know no resources
	}
	var list []concerned
	for _, target := range c.scaling.Targets(in.form) {
		tags := access.Context{}
		for key, value := range target.Tags {
			tags["autoscaling:resourcetag/"+strings.ToLower(key)] = []string{value}
			tags["aws:resourcetag/"+strings.ToLower(key)] = []string{value}
		}
		list = append(list, concerned{target.ARN, tags})
	}
	if len(list) == 0 {
		return []concerned{{arn: c.arn("autoscaling", "autoScalingGroup:none:autoScalingGroupName/none")}}
	}
	return list
}

// secret is the ARN of a secret that is named by ARN or name; a name gets the six characters that every ARN of
// a secret ends in.
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html
func (c *Cloud) secret(id string) string {
	if strings.HasPrefix(id, "arn:") {
		return id
	}
	return c.arn("secretsmanager", "secret:"+id+"-EMUtok")
}

func (c *Cloud) parameters(in call) []concerned {
	names := []any{in.json["Name"]}
	if many, ok := in.json["Names"].([]any); ok {
		names = many
	}
	var list []concerned
	for _, name := range names {
		text, _ := name.(string)
		list = append(list, concerned{arn: c.arn("ssm", "parameter/"+strings.TrimPrefix(text, "/"))})
	}
	return list
}

// entries are the events that a call puts on the default bus, each with what policies may ask of it.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-conditions.html
func (c *Cloud) entries(in call) []concerned {
	bus := c.arn("events", "event-bus/default")
	var list []concerned
	entries, _ := in.json["Entries"].([]any)
	for _, entry := range entries {
		fields, _ := entry.(map[string]any)
		list = append(list, concerned{bus, access.Context{"events:source": {fmt.Sprint(fields["Source"])},
			"events:detail-type": {fmt.Sprint(fields["DetailType"])}}})
	}
	if len(list) == 0 {
		return []concerned{{arn: bus}}
	}
	return list
}

type changeBatch struct {
	Changes []struct {
		Action            string
		ResourceRecordSet struct{ Name, Type string }
	} `xml:"ChangeBatch>Changes>Change"`
}

// route53Resource is a hosted zone, with the condition keys of record changes.
// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/specifying-rrset-conditions.html
func route53Resource(r *http.Request, in call) []concerned {
	_, rest, inZone := strings.Cut(r.URL.Path, "/hostedzone/")
	if !inZone {
		return []concerned{{}}
	}
	zone, _, _ := strings.Cut(rest, "/")
	on := concerned{arn: "arn:aws:route53:::hostedzone/" + zone, context: access.Context{}}
	var batch changeBatch
	if in.action == "ChangeResourceRecordSets" && xml.Unmarshal(in.body, &batch) == nil {
		for _, change := range batch.Changes {
			for key, value := range map[string]string{
				"normalizedrecordnames": strings.TrimSuffix(strings.ToLower(change.ResourceRecordSet.Name), "."),
				"recordtypes":           change.ResourceRecordSet.Type,
				"actions":               change.Action,
			} {
				key = "route53:changeresourcerecordsets" + key
				on.context[key] = append(on.context[key], value)
			}
		}
	}
	return []concerned{on}
}

func functionOf(r *http.Request) string {
	_, rest, _ := strings.Cut(r.URL.Path, "/functions/")
	name, _, _ := strings.Cut(rest, "/")
	return name[strings.LastIndex(name, ":")+1:]
}
