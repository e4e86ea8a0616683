package prices

import (
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

// Price is an amount of money in billionths of its currency: prices of requests have many
// digits behind the point.
type Price int64

const (
	priceDigits = 9
	priceOne    = 1_000_000_000
	// MostPrice is the highest that is taken for one.
	MostPrice = Price(1_000_000 * priceOne)
)

// ErrPrice reports a text that is no price.
var ErrPrice = fmt.Errorf("want a number from 0 to 1000000 with at most %d digits behind the point", priceDigits)

// ParsePrice reads a decimal number.
func ParsePrice(text string) (Price, error) {
	whole, part, point := strings.Cut(text, ".")
	if whole == "" || point && part == "" || len(whole) > 7 || len(part) > priceDigits ||
		strings.Trim(whole+part, "0123456789") != "" {
		return 0, ErrPrice
	}
	n, err := strconv.ParseInt(whole+part+strings.Repeat("0", priceDigits-len(part)), 10, 64)
	if err != nil || Price(n) > MostPrice {
		return 0, errors.Join(ErrPrice, err)
	}
	return Price(n), nil
}

func (p Price) String() string {
	text := fmt.Sprintf("%d.%09d", int64(p)/priceOne, int64(p)%priceOne)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

// MarshalText implements encoding.TextMarshaler.
func (p Price) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *Price) UnmarshalText(text []byte) error {
	n, err := ParsePrice(string(text))
	if err == nil {
		*p = n
	}
	return err
}

// Rat is the price as a number.
func (p Price) Rat() *big.Rat { return big.NewRat(int64(p), priceOne) }
