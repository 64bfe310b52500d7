package cloud

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/awscloud"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
)

// TestAnInstanceWaitsAtItsHooksUntilItIsLetThrough follows one instance from its launch to its end.
func TestAnInstanceWaitsAtItsHooksUntilItIsLetThrough(t *testing.T) {
	const name = "contract-hooked"
	g := groups()
	require.NoError(t, g.Raise(t.Context(), name, 1))
	id := settled(t, name, fleet.StatePendingWait)[0].ID
	require.NoError(t, g.Heartbeat(t.Context(), name, fleet.HookLaunch, id))
	settled(t, name, fleet.StatePendingWait)
	require.NoError(t, g.Complete(t.Context(), name, fleet.HookLaunch, id, fleet.Continue))
	settled(t, name, fleet.StateInService)
	overIsNoError(t, name, fleet.HookLaunch, id)

	require.NoError(t, g.Terminate(t.Context(), name, id, true))
	settled(t, name, fleet.StateTerminatingWait)
	require.NoError(t, g.Heartbeat(t.Context(), name, fleet.HookTerminate, id))
	overIsNoError(t, name, fleet.HookLaunch, id)
	settled(t, name, fleet.StateTerminatingWait)
	require.NoError(t, g.Complete(t.Context(), name, fleet.HookTerminate, id, fleet.Continue))
	settled(t, name)
	overIsNoError(t, name, fleet.HookTerminate, id)

	abandonedIsRetained(t)
}

// abandonedIsRetained ends an instance whose terminate hook was abandoned, which Auto Scaling keeps.
func abandonedIsRetained(t *testing.T) {
	const name = "contract-hooked"
	g := groups()
	require.NoError(t, g.Raise(t.Context(), name, 1))
	id := settled(t, name, fleet.StatePendingWait)[0].ID
	require.NoError(t, g.Complete(t.Context(), name, fleet.HookLaunch, id, fleet.Continue))
	settled(t, name, fleet.StateInService)
	require.NoError(t, g.Terminate(t.Context(), name, id, true))
	settled(t, name, fleet.StateTerminatingWait)
	require.NoError(t, g.Complete(t.Context(), name, fleet.HookTerminate, id, fleet.Abandon))
	settled(t, name, fleet.StateTerminatingRetained)
	overIsNoError(t, name, fleet.HookTerminate, id)
	require.NoError(t, g.Terminate(t.Context(), name, id, false))
	settled(t, name)
}

// overIsNoError asserts that a lifecycle action that is not active can be completed and prolonged, to no effect.
func overIsNoError(t *testing.T, name, hook string, id fleet.InstanceID) {
	t.Helper()
	before := named(t, name)
	assert.NoError(t, groups().Complete(t.Context(), name, hook, id, fleet.Continue))
	assert.NoError(t, groups().Complete(t.Context(), name, hook, id, fleet.Abandon))
	assert.NoError(t, groups().Heartbeat(t.Context(), name, hook, id))
	assert.Equal(t, before, named(t, name))
}

func TestWhatWasNeverThereIsOver(t *testing.T) {
	overIsNoError(t, "contract-hooked", fleet.HookLaunch, "i-00000000000000000")
	overIsNoError(t, "contract-hooked", "no-such-hook", "i-00000000000000000")
}

func TestAnyOtherRefusalOfALifecycleActionIsAnError(t *testing.T) {
	const id = "i-00000000000000000"
	g := groups()
	assertRefused(t, g.Complete(t.Context(), "no-such-group", fleet.HookLaunch, id, fleet.Continue), "not found")
	assertRefused(t, g.Heartbeat(t.Context(), "no-such-group", fleet.HookLaunch, id), "not found")
	assertRefused(t, g.Complete(t.Context(), "contract-hooked", fleet.HookLaunch, id, "PERHAPS"), "LifecycleActionResult")

	elsewhere := awscloud.Groups{Client: autoscaling.NewFromConfig(nowhere())}
	assert.Error(t, elsewhere.Complete(t.Context(), "contract-hooked", fleet.HookLaunch, id, fleet.Continue))
	assert.Error(t, elsewhere.Heartbeat(t.Context(), "contract-hooked", fleet.HookLaunch, id))
}
