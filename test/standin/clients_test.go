package standin_test

import (
	"fmt"
	"net/netip"

	"github.com/jitsi-fleet/jitsi-fleet/pkg/fleet"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/jitsi"
	"github.com/jitsi-fleet/jitsi-fleet/pkg/settings"
)

func (s *stage) url(id fleet.InstanceID, port uint16) string {
	return fmt.Sprintf("http://%s", netip.AddrPortFrom(s.at[id], port))
}

func (s *stage) jvb(id fleet.InstanceID) *jitsi.Bridge {
	return jitsi.NewBridge(s.url(id, settings.BridgePort), s.patience)
}

func (s *stage) jicofo(id fleet.InstanceID) *jitsi.Jicofo {
	return jitsi.NewJicofo(s.url(id, settings.JicofoPort), s.patience)
}

func (s *stage) prosody(id fleet.InstanceID) *jitsi.Prosody {
	return jitsi.NewProsody(s.url(id, settings.ProsodyPort), s.patience)
}

func (s *stage) web(id fleet.InstanceID) *jitsi.Web {
	return jitsi.NewWeb(s.url(id, settings.WebPort), s.patience)
}
