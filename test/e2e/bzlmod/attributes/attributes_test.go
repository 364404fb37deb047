package attributes_test

import (
	"testing"

	"example.com/greeter/attributes/fixtures"
)

// A test may use what is testonly.
func TestTestOnly(t *testing.T) {
	var fixture fixtures.Fixture
	if fixture.Owner != nil {
		t.Errorf("a new fixture belongs to %v", fixture.Owner)
	}
}
