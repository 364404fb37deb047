package syntax

// Nearest finds the candidate that name may be a misspelling of, or "". Of
// several equally near the first one wins.
func Nearest(name string, candidates []string) string {
	if len(name) > 64 {
		return ""
	}
	best, bestDistance := "", len(name)/3+1
	for _, c := range candidates {
		if d := len(c) - len(name); c == name || d > bestDistance || -d > bestDistance {
			continue
		}
		if d := distance(name, c); d < bestDistance || d == bestDistance && best == "" && d <= len(name)/2 {
			best, bestDistance = c, d
		}
	}
	return best
}

// distance counts the insertions, deletions, replacements and swaps of
// neighbours that turn a into b; a change of case counts as nothing.
func distance(a, b string) int {
	lower := func(c byte) byte {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		return c
	}
	rows := [3][]int{make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)}
	for j := range rows[1] {
		rows[1][j] = j
	}
	for i := 1; i <= len(a); i++ {
		prev2, prev, cur := rows[(i+2)%3], rows[i%3], rows[(i+1)%3]
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			x, y := lower(a[i-1]), lower(b[j-1])
			cost := 1
			if x == y {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && x == lower(b[j-2]) && lower(a[i-2]) == y {
				cur[j] = min(cur[j], prev2[j-2]+1)
			}
		}
	}
	return rows[(len(a)+1)%3][len(b)]
}
