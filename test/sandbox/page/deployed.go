package page

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// Deployed reads every dashboard of an account as its CloudWatch has it.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetDashboard.html
func Deployed(ctx context.Context, endpoint string) ([]Dashboard, error) {
	var list struct {
		Names []string `xml:"ListDashboardsResult>DashboardEntries>member>DashboardName"`
	}
	if err := ask(ctx, endpoint, url.Values{"Action": {"ListDashboards"}}, &list); err != nil {
		return nil, err
	}
	if len(list.Names) == 0 {
		return nil, errors.New("no dashboard is deployed")
	}
	var all []Dashboard
	for _, name := range list.Names {
		var one struct {
			Body string `xml:"GetDashboardResult>DashboardBody"`
		}
		if err := ask(ctx, endpoint, url.Values{"Action": {"GetDashboard"}, "DashboardName": {name}}, &one); err != nil {
			return nil, err
		}
		d, err := Read(name, []byte(one.Body))
		if err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	return all, nil
}

// ask calls CloudWatch, whose query protocol an emulated account takes unsigned.
func ask(ctx context.Context, endpoint string, call url.Values, answer any) error {
	call.Set("Version", "2010-08-01")
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint+"/", strings.NewReader(call.Encode()))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=operator/20260101/us-east-1/monitoring/aws4_request, SignedHeaders=host, Signature=0")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("%s is not answered: %w", call.Get("Action"), err)
	}
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s is refused: %s: %s", call.Get("Action"), response.Status, raw)
	}
	if err := xml.Unmarshal(raw, answer); err != nil {
		return fmt.Errorf("the answer to %s is not readable: %w", call.Get("Action"), err)
	}
	return nil
}
