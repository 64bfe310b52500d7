package cloud

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"github.com/jitsi-fleet/jitsi-fleet/test/emulator"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/delivery"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/pace"
	"github.com/jitsi-fleet/jitsi-fleet/test/moto"
)

// account is one AWS account: moto alone, and the same with the emulator in front of it.
type account struct {
	moto  string
	cloud *emulator.Cloud

	mu     sync.Mutex
	events []delivery.Event
}

var here account

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "FAIL:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (int, error) {
	server, err := moto.Start(context.Background(), cmp.Or(os.Getenv("MOTO_SERVER"), "moto_server"), nil)
	if err != nil {
		return 1, fmt.Errorf("the contract tests need moto; MOTO_SERVER names its program: %w", err)
	}
	defer server.Close()
	here.moto = server.Address
	here.cloud, err = emulator.Start(emulator.Options{Moto: here.moto, Clock: pace.Clock{Factor: 1}, OnEvent: here.see})
	if err != nil {
		return 1, err
	}
	defer func() { _ = here.cloud.Close() }()
	if err := deploy(context.Background()); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// deploy makes the groups of the template in testdata.
func deploy(ctx context.Context) error {
	body, err := os.ReadFile(assembly + "/groups.template.json")
	if err != nil {
		return err
	}
	if _, err := cloudformation.NewFromConfig(fronted()).CreateStack(ctx, &cloudformation.CreateStackInput{
		StackName: aws.String("groups"), TemplateBody: aws.String(string(body)),
	}); err != nil {
		return fmt.Errorf("groups are not made: %w", err)
	}
	return here.cloud.Adopt(ctx, assembly)
}

// assembly is the template that the emulator adopts.
const assembly = "testdata/assembly"

// plain is the configuration of a client of moto itself.
func plain() aws.Config { return at(here.moto) }

// fronted is the configuration of a client of the emulator in front of moto.
func fronted() aws.Config { return at(here.cloud.Endpoint()) }

func at(endpoint string) aws.Config {
	return aws.Config{Region: "us-east-1", BaseEndpoint: aws.String(endpoint),
		Credentials: credentials.NewStaticCredentialsProvider("operator", "secret", "")}
}

// nowhere is the configuration of a client whose calls nobody answers, and which does not try again.
func nowhere() aws.Config {
	cfg := at("http://127.0.0.1:1")
	cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	return cfg
}

var names atomic.Int64

// fresh is a name that no test has used, so that tests can be repeated.
func fresh(name string) string { return fmt.Sprintf("%s-%d", name, names.Add(1)) }

func (a *account) see(e delivery.Event) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.events = append(a.events, e)
}
