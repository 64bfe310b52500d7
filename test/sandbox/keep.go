package main

import (
	"context"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

// keep leaves everything running until the context ends.
func (s *stage) keep(ctx context.Context, out *progress) {
	out.step("everything keeps running until Ctrl-C")
	out.line("the page:  %s", s.page)
	out.line("AWS API:  export AWS_ENDPOINT_URL=%s AWS_ACCESS_KEY_ID=operator AWS_SECRET_ACCESS_KEY=operator AWS_DEFAULT_REGION=%s", s.cloud.Endpoint(), region)
	out.line("for instance:  aws autoscaling describe-auto-scaling-groups")
	out.line("a meeting's door (HAProxy, PROXY protocol) and its statistics:  http://%s:%d/", s.settings.SlotAddress(0), settings.StatsPort)
	<-ctx.Done()
}
