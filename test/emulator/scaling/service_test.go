package scaling

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/pace"
)

// factor makes a minute 100 ms.
const factor = 600

// service is an engine behind HTTP with the real client, and a stand-in of EC2 and of the queue.
type service struct {
	*Engine
	*autoscaling.Client

	mu       sync.Mutex
	machines int
	refuse   error // what EC2 answers to launches
	notes    []map[string]any
	launched []Instance
	ended    []string
	problems []error
}

func (s *service) Launch(_ context.Context, r LaunchRequest) ([]Machine, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuse != nil {
		return nil, s.refuse
	}
	var started []Machine
	for range r.Count {
		s.machines++
		started = append(started, Machine{ID: fmt.Sprintf("i-%08x", s.machines), Zone: r.Subnet.Zone, Subnet: r.Subnet.ID,
			Address: netip.AddrFrom4([4]byte{127, 16, 1, byte(s.machines)}).String(), Type: r.InstanceType, Template: r.Template,
			Launched: time.Now()})
	}
	return started, nil
}

func (s *service) Terminate(context.Context, []string) error { return nil }

// newService starts an engine with one group "g" of 2 to 4 that has both hooks, changed by edit.
func newService(t *testing.T, edit func(*Group)) *service {
	t.Helper()
	s := &service{}
	see := func(f func()) {
		s.mu.Lock()
		defer s.mu.Unlock()
		f()
	}
	s.Engine = New(Options{Clock: pace.Clock{Factor: factor}, Account: "123456789012", Region: "us-east-1", Machines: s,
		Notify: func(_ context.Context, _ Hook, body []byte) error {
			var note map[string]any
			err := json.Unmarshal(body, &note)
			see(func() { s.notes = append(s.notes, note) })
			return err
		},
		OnLaunch:    func(i Instance) { see(func() { s.launched = append(s.launched, i) }) },
		OnTerminate: func(id string) { see(func() { s.ended = append(s.ended, id) }) },
		Problem:     func(err error) { see(func() { s.problems = append(s.problems, err) }) },
	})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		s.Serve(w, r.PostForm)
	}))
	t.Cleanup(server.Close)
	s.Client = autoscaling.NewFromConfig(aws.Config{Region: "us-east-1", BaseEndpoint: aws.String(server.URL),
		Credentials: credentials.NewStaticCredentialsProvider("key", "secret", "")})
	g := Group{Name: "g", ARN: "arn:g", Min: 2, Desired: 2, Max: 4, ProtectNew: true, Retain: true, InstanceType: "c7g.xlarge",
		Subnets:  []Subnet{{"subnet-a", "us-east-1a"}, {"subnet-b", "us-east-1b"}},
		Template: Template{"lt-1", "bridges", "3"}, Mixed: true,
		Hooks: []Hook{{Name: "admit", Transition: Launching, DefaultResult: Abandon, Timeout: 10 * time.Minute, TargetARN: "arn:q"},
			{Name: "drain", Transition: Terminating, DefaultResult: Abandon, Timeout: 10 * time.Minute, TargetARN: "arn:q"}},
		Tags: []Tag{{"team", "probe", true}, {"hidden", "yes", false}}}
	if edit != nil {
		edit(&g)
	}
	require.NoError(t, s.Adopt(t.Context(), g))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return s
}

// withoutHooks leaves a group whose instances serve at once and end at once.
func withoutHooks(g *Group) { g.Hooks = nil }

// in lists the ids of the instances in a state.
func (s *service) in(state string) []string {
	var ids []string
	for _, i := range s.Instances() {
		if i.State == state {
			ids = append(ids, i.ID)
		}
	}
	return ids
}

// await waits until n instances are in a state and returns their ids.
func (s *service) await(t *testing.T, n int, state string) []string {
	t.Helper()
	require.Eventually(t, func() bool { return len(s.in(state)) == n }, 5*time.Second, 2*time.Millisecond,
		"%d instances should be %s", n, state)
	return s.in(state)
}

func (s *service) complete(t *testing.T, hook, id, result string) error {
	t.Helper()
	_, err := s.CompleteLifecycleAction(t.Context(), &autoscaling.CompleteLifecycleActionInput{
		AutoScalingGroupName: aws.String("g"), LifecycleHookName: aws.String(hook), InstanceId: aws.String(id),
		LifecycleActionResult: aws.String(result)})
	return err
}

// serving starts a service whose two instances are in service.
func serving(t *testing.T, edit func(*Group)) (*service, []string) {
	t.Helper()
	s := newService(t, edit)
	for _, id := range s.await(t, 2, PendingWait) {
		require.NoError(t, s.complete(t, "admit", id, Continue))
	}
	return s, s.await(t, 2, InService)
}

func (s *service) terminate(t *testing.T, id string, decrement bool) error {
	t.Helper()
	_, err := s.TerminateInstanceInAutoScalingGroup(t.Context(), &autoscaling.TerminateInstanceInAutoScalingGroupInput{
		InstanceId: aws.String(id), ShouldDecrementDesiredCapacity: aws.Bool(decrement)})
	return err
}

func (s *service) setDesired(t *testing.T, n int32) error {
	t.Helper()
	_, err := s.SetDesiredCapacity(t.Context(), &autoscaling.SetDesiredCapacityInput{
		AutoScalingGroupName: aws.String("g"), DesiredCapacity: aws.Int32(n)})
	return err
}

func (s *service) gone(id string) func() bool {
	return func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, ended := range s.ended {
			if ended == id {
				return true
			}
		}
		return false
	}
}
