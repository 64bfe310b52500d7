package policy

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const account = "123456789012"

func TestAResourcePolicyDecidesBySenderActionResourceAndCondition(t *testing.T) {
	topic := "arn:aws:sns:us-east-1:" + account + ":wake"
	cloudwatch := Principal{Service: "cloudwatch.amazonaws.com", Account: account}
	role := Principal{ARN: "arn:aws:iam::" + account + ":role/node", Account: account}
	source := map[string][]string{"aws:sourceaccount": {account}, "aws:securetransport": {"true"}}
	denyPlain := `{"Effect":"Deny","Principal":"*","Action":"sns:Publish","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}`
	allowWatch := `{"Effect":"Allow","Principal":{"Service":"cloudwatch.amazonaws.com"},"Action":"sns:Publish","Resource":"` + topic +
		`","Condition":{"StringEquals":{"aws:SourceAccount":"` + account + `"}}}`
	for name, c := range map[string]struct {
		statements string
		by         Principal
		context    map[string][]string
		want       Effect
	}{
		"a policy of only a deny for plain HTTP lets no service publish":        {denyPlain, cloudwatch, source, Silent},
		"an explicit allow with the source account lets CloudWatch publish":     {denyPlain + "," + allowWatch, cloudwatch, source, Allow},
		"the allow of CloudWatch does not let a role publish":                   {allowWatch, role, source, Silent},
		"another account's alarm is refused":                                    {allowWatch, cloudwatch, map[string][]string{"aws:sourceaccount": {"210987654321"}}, Silent},
		"a request that does not tell its source account is refused":            {allowWatch, cloudwatch, nil, Silent},
		"plain HTTP is denied though it is allowed":                             {denyPlain + "," + allowWatch, cloudwatch, map[string][]string{"aws:sourceaccount": {account}, "aws:securetransport": {"false"}}, Deny},
		"a statement for the account's root grants nothing to a role by itself": {`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + account + `:root"},"Action":"sns:*","Resource":"*"}`, role, source, Silent},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := Parse(`{"Statement":[` + c.statements + `]}`)
			require.NoError(t, err)
			got, err := d.Resource(Request{Principal: c.by, Action: "sns:Publish", Resource: topic, Context: c.context})
			require.NoError(t, err)
			assert.Equal(t, c.want, got)
		})
	}
}

func TestAnIdentityPolicyWithATagConditionReachesOnlyTaggedGroups(t *testing.T) {
	d, err := Parse(map[string]any{"Statement": map[string]any{
		"Effect": "Allow", "Action": []any{"autoscaling:Set*"}, "Resource": "*",
		"Condition": map[string]any{"StringEquals": map[string]any{"autoscaling:ResourceTag/jitsi-fleet:fleet": "demo"}},
	}})
	require.NoError(t, err)
	ask := func(action, tag string) Effect {
		effect, err := d.Identity(Request{Action: action, Context: map[string][]string{
			"autoscaling:resourcetag/jitsi-fleet:fleet": {tag}}})
		require.NoError(t, err)
		return effect
	}
	assert.Equal(t, Allow, ask("autoscaling:SetDesiredCapacity", "demo"))
	assert.Equal(t, Silent, ask("autoscaling:SetDesiredCapacity", "other"))
	assert.Equal(t, Silent, ask("autoscaling:DeleteAutoScalingGroup", "demo"))
}

func TestWhatIsNotKnownIsAnError(t *testing.T) {
	for name, condition := range map[string]string{
		"an unknown operator":      `{"IpAddress":{"aws:SourceArn":"10.0.0.0/8"}}`,
		"an unknown condition key": `{"StringEquals":{"aws:UserAgent":"curl"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			d, err := Parse(`{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":` + condition + `}}`)
			require.NoError(t, err)
			_, err = d.Identity(Request{Action: "sqs:SendMessage", Context: map[string][]string{"aws:sourcearn": {"x"}}})
			assert.ErrorContains(t, err, "not known to the emulator")
		})
	}
	_, err := Parse(`{"Statement":{"Effect":"Maybe"}}`)
	assert.Error(t, err)
}

func TestWildcardsMatchRunsOfCharacters(t *testing.T) {
	for pattern, texts := range map[string]map[string]bool{
		"*":             {"": true, "abc": true},
		"sns:*Topic*":   {"sns:GetTopicAttributes": true, "sns:Publish": false},
		"arn:*:role/a?": {"arn:aws:role/ab": true, "arn:aws:role/a": false, "arn:aws:role/abc": false},
		"a*b*c":         {"abc": true, "aXbXbXc": true, "acb": false},
	} {
		for text, want := range texts {
			assert.Equal(t, want, match(pattern, text), "%s against %s", pattern, text)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`{"Statement":{"Effect":"Allow","Principal":{"Service":["a.amazonaws.com"]},"Action":"*","Resource":["arn:*"]}}`)
	f.Add(`{"Statement":[{"Effect":"Deny","Principal":"*","Action":["sns:*",1],"Condition":{"Bool":{"aws:SecureTransport":false}}}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		d, err := Parse(text)
		if err != nil {
			return
		}
		r := Request{Principal: Principal{Service: "nobody.example.org", Account: account}, Action: "none:None", Resource: "arn:none"}
		effect, err := d.Resource(r)
		if err != nil && effect != Silent {
			t.Fatalf("an error decides nothing, it decided %v", effect)
		}
	})
}

func FuzzMatch(f *testing.F) {
	f.Add("a*b?c", "aXXbYc")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if !match(pattern+"*", pattern+text) {
			t.Fatalf("%q* does not match %q", pattern, pattern+text)
		}
	})
}
