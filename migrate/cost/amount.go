package cost

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/residency/residency/regions/prices"
)

// Amount is a sum of money in millionths of its currency. In JSON it is a number.
type Amount int64

const (
	amountDigits = 6
	amountOne    = 1_000_000
)

// round makes an amount of a number: the low end of a range is rounded down, the high end up.
// One that is beyond all sums is the largest there is.
func round(r *big.Rat, up bool) Amount {
	n := new(big.Int).Mul(r.Num(), big.NewInt(amountOne))
	n, rest := n.QuoRem(n, r.Denom(), new(big.Int))
	if up && rest.Sign() > 0 {
		n.Add(n, big.NewInt(1))
	}
	if !n.IsInt64() {
		return math.MaxInt64
	}
	return Amount(n.Int64())
}

func (a Amount) String() string {
	text := fmt.Sprintf("%d.%06d", int64(a)/amountOne, int64(a)%amountOne)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

// Shown is the amount with as many digits as somebody wants to read, rounded up or down: two
// behind the point from one unit on, and of less than that four.
func (a Amount) Shown(up bool) string {
	digits, step := 2, Amount(10_000)
	if a < amountOne {
		digits, step = 4, 100
	}
	if rest := a % step; up && rest > 0 && a < math.MaxInt64-step {
		a += step - rest
	}
	a -= a % step
	return fmt.Sprintf("%d.%0*d", int64(a)/amountOne, digits, int64(a)%amountOne/int64(step))
}

// cent is the least that is shown as a number.
const cent = amountOne / 100

// exact is the amount as it is shown, or with all digits if there would be nothing but zeros.
func (a Amount) exact() string {
	if a < cent {
		return a.String()
	}
	return a.Shown(false)
}

// Words say what a sum comes to in a currency, and "not known" of the end that is not.
func Words(low, high *Amount, currency string) string {
	switch {
	case currency == "" || low == nil && high == nil: // nothing has a price
		return "not known"
	case high == nil && (low == nil || *low < cent):
		return "at most is not known"
	case high == nil:
		return "at least " + low.Shown(false) + " " + currency + ", at most is not known"
	case *high == 0:
		return "0 " + currency
	case *high < cent:
		return "under 0.01 " + currency
	case low == nil || *low < cent:
		return "under 0.01 to " + high.Shown(true) + " " + currency
	}
	return low.Shown(false) + " to " + high.Shown(true) + " " + currency
}

// MarshalJSON implements json.Marshaler.
func (a Amount) MarshalJSON() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalJSON implements json.Unmarshaler.
func (a *Amount) UnmarshalJSON(data []byte) error {
	var n json.Number
	if err := json.Unmarshal(data, &n); err != nil {
		return err
	}
	v, err := parseAmount(n.String())
	if err == nil {
		*a = v
	}
	return err
}

var errAmount = errors.New("want a number from 0 with at most 6 digits behind the point")

func parseAmount(text string) (Amount, error) {
	whole, part, point := strings.Cut(text, ".")
	if whole == "" || point && part == "" || len(whole) > 13 || len(part) > amountDigits ||
		strings.Trim(whole+part, "0123456789") != "" {
		return 0, errAmount
	}
	n, err := strconv.ParseInt(whole+part+strings.Repeat("0", amountDigits-len(part)), 10, 64)
	if err != nil {
		return 0, errors.Join(errAmount, err)
	}
	return Amount(n), nil
}

// Limit is the most that something may cost.
type Limit struct {
	Amount   Amount
	Currency string // empty: that of the prices
}

// ParseLimit reads an amount, such as 50 or 50USD.
func ParseLimit(text string) (Limit, error) {
	number := strings.TrimRight(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
	l := Limit{Currency: text[len(number):]}
	var err error
	l.Amount, err = parseAmount(strings.TrimRight(number, " "))
	if err != nil || l.Currency != "" && !prices.IsCurrency(l.Currency) {
		return Limit{}, fmt.Errorf("%q: want an amount, such as 50 or 50USD", text)
	}
	return l, nil
}

func (l Limit) String() string { return l.Amount.String() + l.Currency }
