package page

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// cloudWatch answers with one dashboard, in the words of the query protocol.
func cloudWatch(t *testing.T, names, body string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.FormValue("Action") {
		case "ListDashboards":
			_, _ = fmt.Fprintf(w, `<ListDashboardsResponse><ListDashboardsResult><DashboardEntries>%s</DashboardEntries></ListDashboardsResult></ListDashboardsResponse>`, names)
		case "GetDashboard":
			if r.FormValue("DashboardName") != "one" {
				w.WriteHeader(http.StatusNotFound)
			}
			_, _ = fmt.Fprintf(w, `<GetDashboardResponse><GetDashboardResult><DashboardBody>%s</DashboardBody></GetDashboardResult></GetDashboardResponse>`, body)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestTheDashboardsAreReadFromCloudWatch(t *testing.T) {
	const text = `{"start":"-PT12H","widgets":[{"type":"text","x":0,"y":0,"width":24,"height":1,"properties":{"markdown":"a &lt; b"}}]}`
	all, err := Deployed(t.Context(), cloudWatch(t, `<member><DashboardName>one</DashboardName></member>`, text))
	require.NoError(t, err)
	require.Len(t, all, 1)
	assert.Equal(t, "one", all[0].Name)
	assert.Equal(t, "12h", all[0].Span)
	assert.Equal(t, "a < b", all[0].Widgets[0].Properties.Markdown)
	for name, c := range map[string][2]string{
		"no dashboard is deployed":    {"", text},
		"one is gone since":           {`<member><DashboardName>other</DashboardName></member>`, text},
		"one that cannot be drawn":    {`<member><DashboardName>one</DashboardName></member>`, `{"widgets":[{"type":"explorer"}]}`},
		"an answer that is not XML's": {`<member><DashboardName>one</DashboardName></member>`, `</DashboardBody>`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Deployed(t.Context(), cloudWatch(t, c[0], c[1]))
			assert.Error(t, err)
		})
	}
}
