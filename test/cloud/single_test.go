package cloud

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/awscloud"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/reconcile"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/telemetry"
	"github.com/jitsi-fleet/jitsi-fleet/test/emulator/delivery"
)

var (
	_ reconcile.Names      = awscloud.Zone{}
	_ reconcile.Parameters = awscloud.Parameter{}
	_ reconcile.Announcer  = awscloud.Bus{}
)

func TestAParameterIsReadAsItWasWrittenLast(t *testing.T) {
	p := awscloud.Parameter{Client: ssm.NewFromConfig(fronted()), Name: fresh("/contract/runtime")}
	_, err := p.Read(t.Context())
	require.ErrorContains(t, err, p.Name)
	var missing *types.ParameterNotFound
	assert.ErrorAs(t, err, &missing)
	for _, raw := range []string{"{}", "{\n  \"minBridges\": 3\n}\n", `{"schedules":[{"name":"Größe"}]}`} {
		_, err := p.Client.PutParameter(t.Context(), &ssm.PutParameterInput{Name: aws.String(p.Name), Value: aws.String(raw),
			Type: types.ParameterTypeString, Overwrite: aws.Bool(true)})
		require.NoError(t, err)
		read, err := p.Read(t.Context())
		require.NoError(t, err)
		assert.Equal(t, raw, read)
	}
}

func TestASecretIsReadByItsNameAndByItsARN(t *testing.T) {
	client := secretsmanager.NewFromConfig(plain())
	name := fresh("contract/agent")
	_, err := awscloud.Secret{Client: client, ARN: name}.Read(t.Context())
	require.ErrorContains(t, err, "secret "+name+" is not read")
	made, err := client.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{
		Name: aws.String(name), SecretString: aws.String("old")})
	require.NoError(t, err)
	_, err = client.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{
		SecretId: made.ARN, SecretString: aws.String("the current one")})
	require.NoError(t, err)
	for _, id := range []string{name, *made.ARN} {
		text, err := awscloud.Secret{Client: client, ARN: id}.Read(t.Context())
		require.NoError(t, err)
		assert.Equal(t, "the current one", string(text), id)
	}
}

func TestANameMeansTheAddressThatItWasPointedAtLast(t *testing.T) {
	client := route53.NewFromConfig(plain())
	made, err := client.CreateHostedZone(t.Context(), &route53.CreateHostedZoneInput{
		Name: aws.String("contract.internal"), CallerReference: aws.String(fresh("contract"))})
	require.NoError(t, err)
	z := awscloud.Zone{Client: client, ID: strings.TrimPrefix(*made.HostedZone.Id, "/hostedzone/")}
	const one, other = "one.contract.internal", "other.contract.internal"
	for _, to := range []struct{ name, address string }{{one, "10.64.0.4"}, {other, "10.64.0.5"}, {one, "10.64.0.6"}, {one, "10.64.0.6"}} {
		require.NoError(t, z.Point(t.Context(), to.name, netip.MustParseAddr(to.address)))
	}
	out, err := client.ListResourceRecordSets(t.Context(), &route53.ListResourceRecordSetsInput{HostedZoneId: aws.String(z.ID)})
	require.NoError(t, err)
	got := map[string][]string{}
	for _, set := range out.ResourceRecordSets {
		if set.Type == "A" {
			for _, record := range set.ResourceRecords {
				got[*set.Name] = append(got[*set.Name], *record.Value)
			}
			assert.LessOrEqual(t, *set.TTL, int64(60), "a resolver forgets a replaced node within a minute")
		}
	}
	assert.Equal(t, map[string][]string{one + ".": {"10.64.0.6"}, other + ".": {"10.64.0.5"}}, got)

	z.ID = "Z00000000000000000000"
	assert.Error(t, z.Point(t.Context(), one, netip.MustParseAddr("10.64.0.4")))
}

func TestAnEventReachesTheBusWithTheFleetAndItsDetail(t *testing.T) {
	b := awscloud.Bus{Client: eventbridge.NewFromConfig(fronted()), Fleet: "contract"}
	kind := fresh("settings refused")
	require.NoError(t, b.Announce(t.Context(), kind, map[string]any{"why": "minBridges: 9 is above 4"}))
	here.mu.Lock()
	events := slices.Clone(here.events)
	here.mu.Unlock()
	n := slices.IndexFunc(events, func(e delivery.Event) bool { return e.DetailType == kind })
	require.GreaterOrEqual(t, n, 0, "no such event on the bus")
	assert.Equal(t, telemetry.EventSource, events[n].Source)
	assert.JSONEq(t, `{"fleet":"contract","data":{"why":"minBridges: 9 is above 4"}}`, string(events[n].Detail))
}

func TestAnEventThatTheBusDoesNotTakeIsAnError(t *testing.T) {
	b := awscloud.Bus{Client: eventbridge.NewFromConfig(fronted()), Fleet: "contract"}
	assert.ErrorContains(t, b.Announce(t.Context(), "", nil), "MalformedDetail", "the call succeeds and its entry fails")
	assert.ErrorContains(t, b.Announce(t.Context(), "unspeakable", func() {}), "has no JSON")
	b.Client = eventbridge.NewFromConfig(nowhere())
	assert.ErrorContains(t, b.Announce(t.Context(), "unheard", nil), "is not put")
}
