package amazon

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// operator compares a condition's key with its values (IAM User Guide, "IAM JSON
// policy elements: Condition operators").
type operator struct {
	name     string
	negated  bool
	ifExists bool
	compare  func(value, have string) bool
}

func parseOperator(text string) (operator, error) {
	o := operator{name: text}
	base := text
	for _, set := range []string{"ForAnyValue:", "ForAllValues:"} {
		base = strings.TrimPrefix(base, set) // every key here has one value at most
	}
	base, o.ifExists = strings.CutSuffix(base, "IfExists")
	if base == "Null" {
		o.name = base
		return o, nil
	}
	positive := strings.Replace(base, "Not", "", 1)
	o.negated = positive != base
	switch positive {
	case "StringEquals", "ArnEquals", "ArnLike", "StringLike":
		o.compare = matches
		if positive == "StringEquals" {
			o.compare = func(value, have string) bool { return value == have }
		}
	case "StringEqualsIgnoreCase":
		o.compare = strings.EqualFold
	case "Bool":
		o.compare = strings.EqualFold
	case "NumericEquals", "NumericLessThan", "NumericLessThanEquals", "NumericGreaterThan", "NumericGreaterThanEquals":
		o.compare = func(value, have string) bool {
			v, err1 := strconv.ParseFloat(value, 64)
			h, err2 := strconv.ParseFloat(have, 64)
			return err1 == nil && err2 == nil && ordered(strings.TrimPrefix(positive, "Numeric"), h-v)
		}
	case "DateEquals", "DateLessThan", "DateLessThanEquals", "DateGreaterThan", "DateGreaterThanEquals":
		o.compare = func(value, have string) bool {
			v, err1 := time.Parse(time.RFC3339, value)
			h, err2 := time.Parse(time.RFC3339, have)
			return err1 == nil && err2 == nil && ordered(strings.TrimPrefix(positive, "Date"), h.Sub(v).Seconds())
		}
	case "IpAddress":
		o.compare = func(value, have string) bool {
			ip, err := netip.ParseAddr(have)
			if err != nil {
				return false
			}
			if network, err := netip.ParsePrefix(value); err == nil {
				return network.Contains(ip)
			}
			return value == have
		}
	default:
		return o, fmt.Errorf("policy: no condition operator %q", text)
	}
	return o, nil
}

func ordered(how string, difference float64) bool {
	switch how {
	case "LessThan":
		return difference < 0
	case "LessThanEquals":
		return difference <= 0
	case "GreaterThan":
		return difference > 0
	case "GreaterThanEquals":
		return difference >= 0
	}
	return difference == 0
}

// holds evaluates one condition. A key that the request does not have makes a
// positive one false and a negated one true.
func holds(text, key string, values []string, keys map[string]string) bool {
	o, err := parseOperator(text)
	if err != nil {
		return false // refused when the policy was read
	}
	have, there := keys[strings.ToLower(key)]
	switch {
	case o.name == "Null":
		return len(values) > 0 && strings.EqualFold(values[0], strconv.FormatBool(!there))
	case !there:
		return o.ifExists || o.negated
	}
	met := slices.ContainsFunc(values, func(v string) bool { return o.compare(v, have) })
	return met != o.negated
}
