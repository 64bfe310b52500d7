package metrics

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// State is an alarm's state.
type State string

// The states.
const (
	OK           State = "OK"
	InAlarm      State = "ALARM"
	Insufficient State = "INSUFFICIENT_DATA"
)

// Alarm is a metric alarm, or with a rule a composite one, of which the fields of a metric alarm are empty.
type Alarm struct {
	Name, ARN, Description string
	Rule                   *Rule
	Series                 Series
	Statistic              string // "Average", "Sum", "Minimum", "Maximum", "SampleCount" or "p0" to "p100"
	Unit                   string
	Period                 time.Duration // simulated time
	Periods                int           // EvaluationPeriods
	Datapoints             int           // DatapointsToAlarm
	Threshold              float64
	Comparison             string
	Missing                string // TreatMissingData
	ActionsEnabled         bool
	AlarmActions           []string
	OKActions              []string
	InsufficientActions    []string
}

// extra is how many periods beyond those of an evaluation are looked at for data that exists. AWS says that it
// looks at more and not at how many; its own tables show two.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
const extra = 2

// Validate reports what CloudWatch would refuse or the emulator does not know.
func (a Alarm) Validate() error {
	if a.Rule != nil {
		return nil // it was parsed
	}
	if _, err := a.breaches(0); err != nil {
		return err
	}
	if _, _, err := statistic(a.Statistic, []float64{1}); err != nil {
		return fmt.Errorf("alarm %s: %w", a.Name, err)
	}
	if a.Period < 10*time.Second || a.Periods < 1 || a.Datapoints < 1 || a.Datapoints > a.Periods {
		return fmt.Errorf("alarm %s is not valid: period %s, %d of %d datapoints", a.Name, a.Period, a.Datapoints, a.Periods)
	}
	if !slices.Contains([]string{"missing", "ignore", "breaching", "notBreaching"}, a.Missing) {
		return fmt.Errorf("alarm %s is not valid: TreatMissingData is %q", a.Name, a.Missing)
	}
	return nil
}

// Evaluate is the alarm's next state, given the values of each period, newest first (nil is missing data), and
// the reason in words.
func (a Alarm) Evaluate(current State, periods [][]float64) (State, string) {
	var seen []float64
	for _, values := range periods {
		if v, ok, _ := statistic(a.Statistic, values); ok && len(seen) < a.Periods {
			seen = append(seen, v)
		}
	}
	breaching := 0
	for _, v := range seen {
		if is, _ := a.breaches(v); is {
			breaching++
		}
	}
	missing := a.Periods - len(seen)
	reason := fmt.Sprintf("Threshold Crossed: %d of the last %d datapoints %v were breaching and %d were missing: %s %v",
		breaching, a.Periods, seen, missing, a.Comparison, a.Threshold)
	switch {
	case breaching >= a.Datapoints:
		return InAlarm, reason
	case breaching+missing < a.Datapoints:
		return OK, reason
	}
	return a.withMissing(current, len(seen), breaching), reason
}

// withMissing decides when it depends on what the missing data stands for.
func (a Alarm) withMissing(current State, seen, breaching int) State {
	switch a.Missing {
	case "breaching":
		return InAlarm
	case "notBreaching":
		return OK
	}
	if seen > breaching {
		return OK
	}
	switch {
	case a.Missing == "ignore":
		return current
	case seen == 0:
		return Insufficient
	default:
		return InAlarm
	}
}

func (a Alarm) breaches(v float64) (bool, error) {
	switch a.Comparison {
	case "GreaterThanOrEqualToThreshold":
		return v >= a.Threshold, nil
	case "GreaterThanThreshold":
		return v > a.Threshold, nil
	case "LessThanThreshold":
		return v < a.Threshold, nil
	case "LessThanOrEqualToThreshold":
		return v <= a.Threshold, nil
	default:
		return false, fmt.Errorf("comparison %q of alarm %s is not known to the emulator", a.Comparison, a.Name)
	}
}

// statistic computes one figure of a period's values; false without values.
func statistic(name string, values []float64) (float64, bool, error) {
	if len(values) == 0 {
		return 0, false, nil
	}
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	switch name {
	case "Average":
		return sum / float64(len(values)), true, nil
	case "Sum":
		return sum, true, nil
	case "Minimum":
		return slices.Min(values), true, nil
	case "Maximum":
		return slices.Max(values), true, nil
	case "SampleCount":
		return float64(len(values)), true, nil
	}
	digits, isPercentile := strings.CutPrefix(name, "p")
	p, err := strconv.ParseFloat(digits, 64)
	if !isPercentile || err != nil || p < 0 || p > 100 {
		return 0, false, fmt.Errorf("statistic %q is not known to the emulator", name)
	}
	sorted := slices.Sorted(slices.Values(values))
	position := p / 100 * float64(len(sorted)-1)
	low := int(position)
	high := min(low+1, len(sorted)-1)
	return sorted[low] + (sorted[high]-sorted[low])*(position-float64(low)), true, nil
}
