/**
 * An upper bound of the steps a backtracking engine takes to test a subject of at most `length` characters, Infinity where
 * none is known. An item is entered once per way in which the items before it can match, so along a sequence ways multiply
 * and steps add up; alternatives add both. Known are characters, classes, `^`, `$`, unnamed groups and `?`, and `*` and `+`
 * on one character; anything else (counts, repeated groups, lookarounds, references, other escapes) has no bound here.
 */
export function stepsAtMost(pattern: string, length: number): number {
  const reader = new CostReader(pattern, length);
  const { steps } = reader.alternatives();
  if (!reader.isAtEnd) return Infinity;
  return reader.isAnchored ? steps : steps * (length + 1);
}

interface Cost {
  /** In how many ways it can match from one place. */
  ways: number;
  /** To try all of them. */
  steps: number;
}

const unknown: Cost = { ways: Infinity, steps: Infinity };
const once: Cost = { ways: 1, steps: 1 };

class CostReader {
  /** Each alternative begins with `^`: there is one place to begin. */
  isAnchored = true;
  private at = 0;
  private depth = 0;

  constructor(
    private readonly pattern: string,
    private readonly length: number,
  ) {}

  get isAtEnd(): boolean {
    return this.at >= this.pattern.length;
  }

  alternatives(): Cost {
    let ways = 0;
    let steps = 0;
    do {
      if (this.depth === 0 && this.next !== '^') this.isAnchored = false;
      const cost = this.sequence();
      ways += cost.ways;
      steps += 1 + cost.steps;
    } while (this.take('|'));
    return { ways, steps };
  }

  private sequence(): Cost {
    let ways = 1;
    let steps = 0;
    while (!this.isAtEnd && this.next !== '|' && this.next !== ')') {
      const item = this.item();
      steps += ways * item.steps;
      ways *= item.ways;
    }
    return { ways, steps };
  }

  private item(): Cost {
    const isGroup = this.next === '(';
    const cost = isGroup ? this.group() : this.character();
    if (this.next === '{') return this.giveUp();
    if (this.take('?')) {
      this.take('?');
      return { ways: cost.ways + 1, steps: cost.steps + 1 };
    }
    if (!this.take('*') && !this.take('+')) return cost;
    if (isGroup) return this.giveUp();
    this.take('?');
    return { ways: this.length + 1, steps: this.length + 1 };
  }

  private group(): Cost {
    this.take('(');
    if (this.take('?') && !this.take(':')) return this.giveUp();
    this.depth++;
    const cost = this.alternatives();
    this.depth--;
    return this.take(')') ? cost : this.giveUp();
  }

  private character(): Cost {
    if (this.take('[')) return this.class();
    if (this.take('\\') && !/[^a-zA-Z0-9]|[dDsSwW]/.test(this.next)) return this.giveUp();
    this.at++;
    return once;
  }

  private class(): Cost {
    while (!this.isAtEnd && this.next !== ']') this.at += this.next === '\\' ? 2 : 1;
    return this.take(']') ? once : this.giveUp();
  }

  private get next(): string {
    return this.pattern.charAt(this.at);
  }

  private take(character: string): boolean {
    const isNext = this.next === character;
    if (isNext) this.at++;
    return isNext;
  }

  private giveUp(): Cost {
    this.at = this.pattern.length;
    return unknown;
  }
}
