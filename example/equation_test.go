package main

import "testing"

func TestSolve(t *testing.T) {
	for _, test := range []struct{ equation, want, err string }{
		{"2*x + 3 = 11", "x = 4", ""},
		{"x/3 = -(1 - x)*2", "x = 6/5", ""},
		{"0.5*speed = 1", "speed = 2", ""},
		{"11 = +x", "x = 11", ""},
		{"x = x", "always true", ""},
		{"1 = 2", "never true", ""},
		{"1/3 + 1/6", "1/2", ""},
		{"x + 1", "", `"x + 1" says nothing about x: an equation has a =`},
		{"x*x = 4", "", "not linear: a product of unknowns"},
		{"1/x = 4", "", "not linear: a division by the unknown"},
		{"x = y", "", "two unknowns, x and y"},
		{"1/0", "", "division by zero"},
		{"1e999999 = x", "", "1e999999 is not a decimal number"},
		{"1 << 100", "", "cannot compute with <<"},
		{"!x = 1", "", "cannot compute with !"},
		{"f(x) = 1", "", "only numbers, an unknown, + - * / and parentheses make an equation"},
		{"2x = 4", "", `"2x": expected 'EOF', found x`},
		{"= 4", "", `"": expected operand, found 'EOF'`},
	} {
		got, err := solve(test.equation)
		message := ""
		if err != nil {
			message = err.Error()
		}
		if got != test.want || message != test.err {
			t.Errorf("solve(%q) = %q, %q; want %q, %q", test.equation, got, message, test.want, test.err)
		}
	}
}
