package emulator

import (
	"context"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/functions"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/ident"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/metrics"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/template"
)

// adoptFunctions deploys every function of the templates.
func (c *Cloud) adoptFunctions(_ context.Context, d *deployment) error {
	invokes, err := d.invokeConfigs()
	if err != nil {
		return err
	}
	return d.each("AWS::Lambda::Function", func(res *template.Resource, p properties) error {
		f, role, err := c.function(d, res, p, invokes)
		if err != nil {
			return err
		}
		if err := d.book.Assume(role, "lambda.amazonaws.com"); err != nil {
			return err
		}
		for _, target := range []string{f.DeadLetter, f.OnFailure} {
			if target == "" {
				continue
			}
			if err := d.book.Role(role, sendAction(target), target, nil); err != nil {
				return fmt.Errorf("the provided execution role cannot reach its dead letter target: %w", err)
			}
		}
		c.host.Deploy(f)
		return nil
	})
}

// invokeConfigs are the EventInvokeConfig resources by function name.
func (d *deployment) invokeConfigs() (map[string]properties, error) {
	found := map[string]properties{}
	return found, d.each("AWS::Lambda::EventInvokeConfig", func(_ *template.Resource, p properties) error {
		found[p.text("FunctionName")] = p
		return nil
	})
}

func (c *Cloud) function(d *deployment, res *template.Resource, p properties, invokes map[string]properties) (functions.Function, string, error) {
	name := d.physical(res)
	f := functions.Function{Name: name, ARN: c.arn("lambda", "function:"+name), DeadLetter: p.object("DeadLetterConfig").text("TargetArn")}
	role := p.text("Role")
	var err error
	if f.Timeout, err = p.seconds("Timeout", 3); err != nil {
		return f, role, err
	}
	if f.Memory, err = p.whole("MemorySize", 128); err != nil {
		return f, role, err
	}
	if f.Concurrency, err = p.whole("ReservedConcurrentExecutions", -1); err != nil {
		return f, role, err
	}
	invoke := invokes[name]
	if f.Retries, err = invoke.whole("MaximumRetryAttempts", 2); err != nil {
		return f, role, err
	}
	if f.MaxAge, err = invoke.seconds("MaximumEventAgeInSeconds", int(6*time.Hour/time.Second)); err != nil {
		return f, role, err
	}
	f.OnFailure = invoke.object("DestinationConfig").object("OnFailure").text("Destination")
	asset := d.assembly.Assets[p.object("Code").text("S3Key")]
	if f.Binary, err = c.options.Binary(FunctionSource{res.Stack.Name, res.LogicalID, name, asset}); err != nil {
		return f, role, err
	}
	if f.Binary, err = exec.LookPath(f.Binary); err != nil {
		return f, role, fmt.Errorf("its program cannot be run: %w", err)
	}
	variables := p.object("Environment").object("Variables")
	if n := variables.size(); n > largestEnvironment {
		return f, role, fmt.Errorf("its environment variables of %d bytes exceed the 4 KB limit", n)
	}
	f.Env = c.environment(name, role, variables)
	return f, role, nil
}

// largestEnvironment is how many bytes a function's environment variables may have together.
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
const largestEnvironment = 4 << 10

func (p properties) size() int {
	n := 0
	for key := range p {
		n += len(key) + len(p.text(key))
	}
	return n
}

func (c *Cloud) environment(name, role string, variables properties) []string {
	env := map[string]string{}
	for key := range variables {
		env[key] = variables.text(key)
	}
	env = c.options.Env(name, env)
	var list []string
	for _, key := range slices.Sorted(maps.Keys(env)) {
		list = append(list, key+"="+env[key])
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return append(list, c.credentials(caller{role: role, name: name})...)
}

// arn is an ARN of this account and region.
func (c *Cloud) arn(service, rest string) string {
	return fmt.Sprintf("arn:aws:%s:%s:%s:%s", service, c.options.Region, c.options.Account, rest)
}

// line takes what a function writes: metrics go to the store, all else to the caller's log.
func (c *Cloud) line(function, line string) {
	if c.disturbs(function, "logs", "PutLogEvents") {
		return
	}
	isMetric, err := c.store.Ingest([]byte(line), c.options.Clock)
	if err != nil {
		c.problem(fmt.Errorf("metrics of %s are dropped: %w", function, err))
	}
	if !isMetric {
		c.options.Log(function, line)
	}
}

// count takes a metric of a function.
// https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
func (c *Cloud) count(function, metric string, value float64) {
	c.store.Put(metrics.Series{Namespace: "AWS/Lambda", Name: metric, Dimensions: map[string]string{"FunctionName": function}},
		metrics.Point{At: c.options.Clock.Now(), Value: value})
}

// sendForFunction delivers an event that failed for good, as the function's role.
func (c *Cloud) sendForFunction(ctx context.Context, f functions.Function, target string, body []byte, attributes map[string]string) error {
	c.mu.Lock()
	book, bus := c.book, c.bus
	role := ""
	for _, who := range c.callers {
		if who.name == f.Name {
			role = who.role
		}
	}
	c.mu.Unlock()
	if err := book.Role(role, sendAction(target), target, nil); err != nil {
		return err
	}
	if ident.Service(target) != "sqs" {
		return fmt.Errorf("dead letter target %s of %s is not known to the emulator", target, f.Name)
	}
	if err := c.moto.Send(ctx, target, string(body), attributes); err != nil {
		return err
	}
	bus.Ring(target)
	return nil
}

func sendAction(target string) string {
	if ident.Service(target) == "sns" {
		return "sns:Publish"
	}
	return "sqs:SendMessage"
}
