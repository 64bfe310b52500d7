// Package emulator is what a moto server lacks of AWS: one HTTP proxy in front of it, driven by the synthesized
// templates of a CDK app alone, so that wrong wiring in the app fails here as it would on AWS.
//
// Durations are divided by one factor. Every rule has the address of the AWS page that it follows beside it.
// The package must not know the app: whatever it does follows from the templates.
package emulator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/access"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/delivery"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/functions"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/metrics"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/pace"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/scaling"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/template"
)

// FunctionSource tells which function of the templates a binary is wanted for.
type FunctionSource struct {
	Stack, LogicalID, Name string
	// Asset is the directory or zip file in the assembly that the template's code is; it may be for another machine.
	Asset string
}

// Options configure a Cloud. Functions that are nil do nothing.
type Options struct {
	// Moto is the address of a moto server, "http://localhost:5000".
	Moto string
	// Listen is where the proxy listens. Empty is a free port of 127.0.0.1.
	Listen string
	// Account and Region default to moto's, 123456789012 and us-east-1.
	Account, Region string
	Clock           pace.Clock
	// LeastTick is the shortest wall time between two ticks of a schedule. 0 is 100 ms.
	LeastTick time.Duration
	// LeastTimeout is the shortest wall time that a function gets, and for which its queue hides messages. 0 is 5 s, and
	// what the queue's own figure comes to.
	LeastTimeout time.Duration
	// Patient leaves out the tick of a schedule while its function has another event.
	Patient bool
	// Physical gives, by "stack/LogicalId", the physical ids of what was made past CloudFormation.
	Physical map[string]string
	// Binary is the path of a function's bootstrap for this machine.
	Binary func(FunctionSource) (string, error)
	// Env may change a function's environment, as to scale the durations in it.
	Env func(function string, env map[string]string) map[string]string
	// Skip leaves a resource, by its type and logical id, out of what is adopted, as to measure what works without it.
	// Nil leaves out none.
	Skip func(kind, logicalID string) bool
	// SpreadAlarms evaluates each alarm at a part of the minute of its own, not all of them at once.
	SpreadAlarms bool
	// OnLaunch is told of each machine that EC2 starts, OnTerminate of each that it ends. They return at once.
	OnLaunch    func(scaling.Instance)
	OnTerminate func(id string)
	// OnEvent sees each event on the default bus, OnMail each notification to an e-mail address, OnAlarm each
	// change of an alarm's state.
	OnEvent func(delivery.Event)
	OnMail  func(delivery.Mail)
	OnAlarm func(metrics.Change)
	// Log takes each line that a function writes, except metrics.
	Log func(function, line string)
	// OnProblem is told at once of what AWS would refuse or lose, once for each; Problems lists them all.
	OnProblem func(error)
}

// Cloud is an emulated account.
type Cloud struct {
	options  Options
	moto     *moto
	scaling  *scaling.Engine
	host     *functions.Host
	store    *metrics.Store
	watch    *metrics.Watch
	listener net.Listener
	server   *http.Server
	passing  *httputil.ReverseProxy
	cancel   context.CancelFunc
	ctx      context.Context
	running  sync.WaitGroup
	once     sync.Once // starts groups and alarms

	table    sync.Mutex // held during each call of DynamoDB
	mu       sync.Mutex
	problems []error
	callers  map[string]caller // by access key
	book     *access.Book
	bus      *delivery.Bus
	stopBus  func()
	deployed *deployment
	queues   []string // names of queues whose metrics an alarm watches
	calls    map[string]int

	disturbances []*disturbance
	refused      int // calls, by disturbances
}

// deployment is what was read at the last adoption.
type deployment struct {
	assembly *template.Assembly
	resolver *template.Resolver
	skip     func(kind, logicalID string) bool
	book     *access.Book
	bus      *delivery.Bus
}

// caller is who holds an access key that the emulator gave.
type caller struct {
	role string // ARN
	name string // function or instance
}

// Start starts the proxy. Until Adopt is called it passes everything to moto.
func Start(o Options) (*Cloud, error) {
	o = withDefaults(o)
	target, err := url.Parse(o.Moto)
	if err != nil {
		return nil, fmt.Errorf("emulator cannot reach moto: %w", err)
	}
	listener, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return nil, fmt.Errorf("emulator cannot listen: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	c := &Cloud{options: o, moto: newMoto(o), store: &metrics.Store{}, listener: listener, ctx: ctx, cancel: cancel,
		callers: map[string]caller{}, calls: map[string]int{}}
	c.passing = &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host
	}, ErrorHandler: c.unreachable, ErrorLog: log.New(io.Discard, "", 0)}
	c.host = functions.New(functions.Options{Clock: o.Clock, LeastTimeout: o.LeastTimeout, Line: c.line, Count: c.count,
		Throttle: func(name string) bool { return c.disturbs(name, "lambda", "InvokeFunction") },
		Send:     c.sendForFunction, Problem: c.problem})
	c.scaling = scaling.New(scaling.Options{Clock: o.Clock, Account: o.Account, Region: o.Region, Machines: scarce{c.moto, c},
		Notify: c.notifyHook, OnLaunch: o.OnLaunch, OnTerminate: o.OnTerminate, Problem: c.problem})
	c.watch = &metrics.Watch{Clock: alarmPace(o), Store: c.store, Collect: c.collect, Settle: settle, OnChange: c.alarmed}
	if o.SpreadAlarms {
		c.watch.Turns = alarmTurns
	}
	c.server = &http.Server{Handler: c, ReadHeaderTimeout: time.Minute}
	c.running.Go(func() { _ = c.server.Serve(listener) })
	return c, nil
}

// alarmTurns is in how many parts a minute is spread when alarms are evaluated at different times in it.
const alarmTurns = 12

// alarmPace is the clock of alarms: a period of a minute is never shorter than the shortest interval of a schedule
// that runs every minute, or an alarm would miss data that its publisher had no time to send.
func alarmPace(o Options) pace.Clock {
	return pace.Clock{Factor: min(o.Clock.Factor, float64(time.Minute)/float64(o.LeastTick))}
}

func withDefaults(o Options) Options {
	if o.LeastTick == 0 {
		o.LeastTick = 100 * time.Millisecond
	}
	if o.Account == "" {
		o.Account = "123456789012"
	}
	if o.Region == "" {
		o.Region = "us-east-1"
	}
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	if o.Env == nil {
		o.Env = func(_ string, env map[string]string) map[string]string { return env }
	}
	if o.Skip == nil {
		o.Skip = func(string, string) bool { return false }
	}
	if o.Binary == nil {
		o.Binary = func(f FunctionSource) (string, error) { return f.Asset + "/bootstrap", nil }
	}
	orNothing(&o.OnLaunch)
	orNothing(&o.OnTerminate)
	orNothing(&o.OnEvent)
	orNothing(&o.OnMail)
	orNothing(&o.OnAlarm)
	orNothing(&o.OnProblem)
	if o.Log == nil {
		o.Log = func(string, string) {}
	}
	return o
}

func orNothing[T any](f *func(T)) {
	if *f == nil {
		*f = func(T) {}
	}
}

// Endpoint is the address for clients, as AWS_ENDPOINT_URL. It says localhost, for moto takes the first part of
// a numeric address for a bucket.
func (c *Cloud) Endpoint() string {
	_, port, _ := net.SplitHostPort(c.listener.Addr().String())
	return "http://localhost:" + port
}

// Close stops everything and ends all function processes. The moto server is left alone.
func (c *Cloud) Close() error {
	c.cancel()
	c.mu.Lock()
	stop := c.stopBus
	c.mu.Unlock()
	if stop != nil {
		stop()
	}
	c.host.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	err := c.server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = c.server.Close()
	}
	c.running.Wait()
	return err
}

// problem records what AWS would refuse or lose, once for each wording: what is wrong in a schedule's function
// is wrong at every tick.
func (c *Cloud) problem(err error) {
	if err == nil || c.ctx.Err() != nil {
		return
	}
	c.mu.Lock()
	known := slices.ContainsFunc(c.problems, func(p error) bool { return p.Error() == err.Error() })
	if !known {
		c.problems = append(c.problems, err)
	}
	c.mu.Unlock()
	if !known {
		c.options.OnProblem(err)
	}
}

func (c *Cloud) unreachable(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() == nil {
		c.problem(fmt.Errorf("moto does not answer %s %s: %w", r.Method, r.URL.Path, err))
	}
	w.WriteHeader(http.StatusBadGateway)
}

// settle is about how long the stacks between that of the Lambdas and that of the alarms take to deploy on AWS.
const settle = 10 * time.Minute
