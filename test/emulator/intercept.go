package emulator

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/delivery"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/functions"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/ident"
)

// answer is how a call is answered here; nil when it is moto's.
func (c *Cloud) answer(r *http.Request, in call) func(http.ResponseWriter) {
	c.mu.Lock()
	bus := c.bus
	c.mu.Unlock()
	switch in.service + ":" + in.action {
	case "sns:Publish":
		return func(w http.ResponseWriter) { publish(w, r, bus, in) }
	case "sns:PublishBatch":
		return func(w http.ResponseWriter) {
			writeError(w, in, http.StatusNotImplemented, "NotImplemented", "the emulator does not know PublishBatch")
		}
	case "events:PutEvents":
		return func(w http.ResponseWriter) { c.putEvents(r.Context(), w, bus, in) }
	case "ssm:PutParameter", "ssm:DeleteParameter":
		return c.relay(r, in.body, func(answer []byte) { c.parameterChanged(r.Context(), bus, in, answer) })
	case "ec2:DescribeInstances":
		return c.relayChanged(r, in.body, c.preciseLaunches)
	case "ec2:TerminateInstances", "ec2:StopInstances":
		return c.relay(r, in.body, func([]byte) { c.scaling.Ended(numbered(in, "InstanceId")...) })
	case "lambda:InvokeFunction":
		return func(w http.ResponseWriter) { c.invoke(w, r, in) }
	}
	switch in.service {
	case "s3":
		return c.object(r, in)
	case "dynamodb":
		return c.oneAtATime(c.relay(r, in.body, func([]byte) {}))
	case "autoscaling":
		return func(w http.ResponseWriter) { c.scaling.Serve(w, in.form) }
	case "sqs":
		if in.json == nil {
			return nil
		}
		return c.relay(r, c.scaledQueueCall(in), func([]byte) {
			bus.Ring(c.arn("sqs", ident.Last(in.text("QueueUrl"))))
		})
	}
	return nil
}

// oneAtATime answers one call after the other. DynamoDB's conditional writes are atomic; moto 5.2.1 checks the condition
// and writes without a lock, so that of 32 racing writers two sometimes succeed, or none.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/WorkingWithItems.html#WorkingWithItems.ConditionalUpdate
func (c *Cloud) oneAtATime(answer func(http.ResponseWriter)) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		c.table.Lock()
		defer c.table.Unlock()
		answer(w)
	}
}

// numbered reads a list of the EC2 query protocol: "Name.1", "Name.2", ...
func numbered(in call, name string) []string {
	var list []string
	for n := 1; ; n++ {
		v := in.form.Get(name + "." + strconv.Itoa(n))
		if v == "" {
			return list
		}
		list = append(list, v)
	}
}

// described is an instance in an answer of DescribeInstances, up to its launch time.
var described = regexp.MustCompile(`(?s)(<instanceId>(i-[0-9a-f]+)</instanceId>.*?<launchTime>)[^<]*`)

// preciseLaunches gives the machines of groups their launch times in milliseconds. AWS tells whole seconds; of a
// scaled clock's time that is what milliseconds are.
func (c *Cloud) preciseLaunches(answer []byte) []byte {
	launched := map[string]time.Time{}
	for _, i := range c.scaling.Instances() {
		launched[i.ID] = i.Launched
	}
	return described.ReplaceAllFunc(answer, func(match []byte) []byte {
		parts := described.FindSubmatch(match)
		at, ok := launched[string(parts[2])]
		if !ok {
			return match
		}
		return append(slices.Clone(parts[1]), at.UTC().Format("2006-01-02T15:04:05.000Z")...)
	})
}

// scaledQueueCall divides the delays and visibility timeouts that a call of SQS names, in whole seconds.
func (c *Cloud) scaledQueueCall(in call) []byte {
	changed := false
	scale := func(fields map[string]any) {
		for _, name := range []string{"DelaySeconds", "VisibilityTimeout"} {
			if seconds, ok := fields[name].(float64); ok && seconds > 0 {
				fields[name] = c.options.Clock.Seconds(time.Duration(seconds) * time.Second)
				changed = true
			}
		}
	}
	scale(in.json)
	entries, _ := in.json["Entries"].([]any)
	for _, entry := range entries {
		if fields, ok := entry.(map[string]any); ok {
			scale(fields)
		}
	}
	if !changed {
		return in.body
	}
	body, _ := json.Marshal(in.json) // it was JSON before
	return body
}

// publish answers SNS's Publish, whose sender has been checked.
// https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
func publish(w http.ResponseWriter, r *http.Request, bus *delivery.Bus, in call) {
	n := delivery.Notice{Topic: in.text("TopicArn"), Subject: in.text("Subject"), Body: in.text("Message"), Texts: map[string]string{}}
	for i := 1; in.form.Get(fmt.Sprintf("MessageAttributes.entry.%d.Name", i)) != ""; i++ {
		at := fmt.Sprintf("MessageAttributes.entry.%d.", i)
		n.Texts[in.form.Get(at+"Name")] = in.form.Get(at + "Value.StringValue")
	}
	switch {
	case ident.Service(n.Topic) != "sns":
		writeError(w, in, http.StatusBadRequest, "InvalidParameter", "Invalid parameter: TopicArn")
		return
	case n.Body == "" || len(n.Body) > 256<<10:
		writeError(w, in, http.StatusBadRequest, "InvalidParameter", "Invalid parameter: Message")
		return
	}
	w.Header().Set("Content-Type", "text/xml")
	_ = xml.NewEncoder(w).Encode(struct {
		XMLName xml.Name `xml:"PublishResponse"`
		ID      string   `xml:"PublishResult>MessageId"`
		Request string   `xml:"ResponseMetadata>RequestId"`
	}{ID: bus.Publish(context.WithoutCancel(r.Context()), n), Request: "emulated"})
}

// putEvents answers EventBridge's PutEvents.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
func (c *Cloud) putEvents(ctx context.Context, w http.ResponseWriter, bus *delivery.Bus, in call) {
	var request struct {
		Entries []struct {
			Source, DetailType, Detail, EventBusName string
			Resources                                []string
		}
	}
	if err := json.Unmarshal(in.body, &request); err != nil || len(request.Entries) == 0 || len(request.Entries) > 10 {
		writeError(w, in, http.StatusBadRequest, "ValidationException", "1 to 10 entries are needed")
		return
	}
	type entry struct {
		EventID      string `json:"EventId,omitempty"`
		ErrorCode    string `json:",omitempty"`
		ErrorMessage string `json:",omitempty"`
	}
	var entries []entry
	failed := 0
	for _, e := range request.Entries {
		if !json.Valid([]byte(e.Detail)) || e.Source == "" || e.DetailType == "" || strings.HasPrefix(e.Source, "aws.") {
			failed++
			entries = append(entries, entry{ErrorCode: "MalformedDetail", ErrorMessage: "Detail is malformed."})
			c.problem(fmt.Errorf("event %q of %q is refused: its detail is no JSON or its source is not its own", e.DetailType, e.Source))
			continue
		}
		id := bus.Emit(context.WithoutCancel(ctx), delivery.Event{DetailType: e.DetailType, Source: e.Source,
			Resources: e.Resources, Detail: json.RawMessage(e.Detail)})
		entries = append(entries, entry{EventID: id})
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	_ = json.NewEncoder(w).Encode(map[string]any{"FailedEntryCount": failed, "Entries": entries})
}

// parameterChanged puts the event of a changed SSM parameter on the bus.
// https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-cwe.html
func (c *Cloud) parameterChanged(ctx context.Context, bus *delivery.Bus, in call, answer []byte) {
	var result struct{ Version int }
	_ = json.Unmarshal(answer, &result) // a deletion answers nothing
	operation := "Update"
	switch {
	case in.action == "DeleteParameter":
		operation = "Delete"
	case result.Version <= 1:
		operation = "Create"
	}
	name := in.text("Name")
	kind := in.text("Type")
	if kind == "" {
		kind = "String"
	}
	detail, _ := json.Marshal(map[string]string{"operation": operation, "name": name, "type": kind,
		"description": in.text("Description")}) // texts always encode
	bus.Emit(context.WithoutCancel(ctx), delivery.Event{DetailType: "Parameter Store Change", Source: "aws.ssm",
		Resources: []string{c.arn("ssm", "parameter/"+strings.TrimPrefix(name, "/"))}, Detail: detail})
}

// invoke answers Lambda's Invoke.
// https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
func (c *Cloud) invoke(w http.ResponseWriter, r *http.Request, in call) {
	name := functionOf(r)
	payload := in.body
	if len(payload) == 0 {
		payload = []byte("null")
	}
	if r.Header.Get("X-Amz-Invocation-Type") == "Event" {
		if err := c.host.InvokeAsync(name, payload); err != nil {
			writeError(w, in, http.StatusNotFound, "ResourceNotFoundException", err.Error())
			return
		}
		w.WriteHeader(http.StatusAccepted)
		return
	}
	result, err := c.host.Invoke(r.Context(), name, payload)
	var throttled functions.ErrThrottled
	switch {
	case errors.As(err, &throttled):
		writeError(w, in, http.StatusTooManyRequests, "TooManyRequestsException", "Rate Exceeded.")
		return
	case err != nil:
		writeError(w, in, http.StatusNotFound, "ResourceNotFoundException", err.Error())
		return
	}
	if result.Failed() {
		w.Header().Set("X-Amz-Function-Error", result.FunctionError)
	}
	w.Header().Set("X-Amz-Executed-Version", "$LATEST")
	_, _ = w.Write(result.Payload)
}
