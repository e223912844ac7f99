import { applyDecorators, type Type as ClassOf } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { epochMsOf, type Instant, instantOf, isInstant } from '@recourse/eventing';
import { assets, fromJson, type Money } from '@recourse/money';
import { Problem } from '@recourse/nest';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsObject,
  Length,
  Matches,
  Max,
  Min,
  ValidateBy,
  ValidateIf,
  ValidateNested,
} from 'class-validator';

/** What a shop, merchant, buyer or platform is called here; no dot, since dots join them in stream names. */
export const idShape = /^[A-Za-z0-9_][A-Za-z0-9_-]{0,63}$/;
/** `{platform}.{orderNo}.{n}` */
export const disputeIdShape = /^[A-Za-z0-9_][A-Za-z0-9_-]{0,63}\.[A-Za-z0-9_][A-Za-z0-9_-]{0,63}\.[1-9][0-9]{0,5}$/;
/** Refunds, payouts and contributions: ids of orders and merchants with what came after, joined by dots. */
export const derivedIdShape = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}$/;
const positionShape = /^(0|[1-9][0-9]{0,17})$/;
const instantShape = /^(19[7-9]\d|2\d{3})-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

interface Facts {
  readonly description?: string;
  readonly example?: unknown;
  /** May be left out; it may never be null. */
  readonly optional?: boolean;
}

const field = (
  { description, example, optional = false }: Facts,
  schema: object,
  ...checks: PropertyDecorator[]
): PropertyDecorator =>
  applyDecorators(
    ...checks,
    ...(optional ? [ValidateIf((_, value: unknown) => value !== undefined)] : []),
    ApiProperty({
      required: !optional,
      ...(description === undefined ? {} : { description }),
      ...(example === undefined ? {} : { example }),
      ...schema,
    }),
  );

export const Shape = (pattern: RegExp, facts: Facts, message = `$property has the shape ${pattern.source}`): PropertyDecorator =>
  field(facts, { type: String, pattern: pattern.source }, Matches(pattern, { message }));

export const Id = (facts: Facts): PropertyDecorator =>
  Shape(idShape, facts, '$property has 1 to 64 letters, digits, hyphens or underscores');

/** What a rail or a carrier calls a payment or top-up: visible ASCII. */
export const Reference = (facts: Facts): PropertyDecorator =>
  Shape(/^[\x21-\x7e]{1,64}$/, facts, '$property has 1 to 64 visible ASCII characters');

/** There is no 31 February, though a lenient reader makes 3 March of it. */
const isMoment = (value: unknown): boolean =>
  typeof value === 'string' && instantShape.test(value) && isInstant(value) && instantOf(epochMsOf(value)) === value;

export const Moment = (facts: Facts): PropertyDecorator =>
  field(
    { example: '2026-03-01T08:00:00.000Z', ...facts },
    { type: String, format: 'date-time' },
    ValidateBy({
      name: 'isMoment',
      validator: { validate: isMoment, defaultMessage: () => '$property is a moment in UTC like 2026-03-01T08:00:00.000Z' },
    }),
  );

/** A log position or a moment: where the books are looked at. */
export const PositionOrMoment = (facts: Facts): PropertyDecorator =>
  field(
    { example: '2026-03-31T15:59:59.999Z', ...facts },
    { type: String },
    ValidateBy({
      name: 'isPositionOrMoment',
      validator: {
        validate: (value) => (typeof value === 'string' && positionShape.test(value)) || isMoment(value),
        defaultMessage: () => '$property is a log position like 1234 or a moment in UTC like 2026-03-01T08:00:00.000Z',
      },
    }),
  );

/** What `PositionOrMoment` lets through. */
export const positionOrMomentOf = (text: string): bigint | Instant => (positionShape.test(text) ? BigInt(text) : text);

export const Text = (maxLength: number, facts: Facts): PropertyDecorator =>
  field(facts, { type: String, minLength: 1, maxLength }, Length(1, maxLength));

export const Whole = (minimum: number, maximum: number, facts: Facts): PropertyDecorator =>
  field(facts, { type: 'integer', minimum, maximum }, IsInt(), Min(minimum), Max(maximum));

export const Flag = (facts: Facts): PropertyDecorator => field(facts, { type: Boolean }, IsBoolean());

export const OneOf = (values: readonly string[], facts: Facts): PropertyDecorator =>
  field(facts, { type: String, enum: [...values] }, IsIn(values, { message: `$property is one of ${values.join(', ')}` }));

export const Part = (of: () => ClassOf, facts: Facts = {}): PropertyDecorator =>
  field(facts, { type: of }, IsObject(), ValidateNested(), Type(of));

export const Parts = (of: () => ClassOf, maxItems: number, facts: Facts = {}): PropertyDecorator =>
  field(
    facts,
    { type: of, isArray: true, minItems: 1, maxItems },
    IsArray(),
    ArrayMinSize(1),
    ArrayMaxSize(maxItems),
    IsObject({ each: true }),
    ValidateNested({ each: true }),
    Type(of),
  );

export const maxUnitNo = 1_000;

export const UnitNo = (): PropertyDecorator => Whole(1, maxUnitNo, { example: 1 });

export const UnitNos = (facts: Facts = {}): PropertyDecorator =>
  field(
    { example: [1], ...facts },
    { type: 'integer', isArray: true, minItems: 1, maxItems: maxUnitNo },
    IsArray(),
    ArrayMinSize(1),
    ArrayMaxSize(maxUnitNo),
    ArrayUnique(),
    IsInt({ each: true }),
    Min(1, { each: true }),
    Max(maxUnitNo, { each: true }),
  );

/** An amount in minor units: `{"asset":"CNY","minor":"1234"}` is 12.34 yuan. */
export class MoneyField {
  @OneOf(Object.keys(assets), { example: 'CNY' })
  asset!: string;

  @Shape(
    /^(0|[1-9][0-9]{0,17})$/,
    { description: 'whole minor units as text: "1234" is 12.34 yuan', example: '1234' },
    'minor is a whole number of minor units as text, without sign or decimals',
  )
  minor!: string;
}

export const moneyOf = ({ asset, minor }: MoneyField): Money => fromJson({ asset, minor });

/** A place in the log. */
export const Position = (facts: Facts): PropertyDecorator => Shape(positionShape, facts, '$property is a position of the log');

/** A unit in the path. @throws Problem 404, as there is no such thing */
export function unitNoOf(text: string): number {
  const unitNo = /^[1-9][0-9]{0,3}$/.test(text) ? Number(text) : 0;
  if (unitNo < 1 || unitNo > maxUnitNo) throw new Problem(404, 'unit-unknown', `units are numbered from 1 to ${maxUnitNo}`);
  return unitNo;
}

/** How many rows a page has. */
export const Limit = (maximum: number): PropertyDecorator =>
  field(
    { description: `rows of a page, ${maximum} at most`, example: '50', optional: true },
    { type: String },
    Matches(/^[1-9][0-9]{0,3}$/, { message: '$property is a whole number' }),
  );

export function limitOf(text: string | undefined, usual: number, maximum: number): number {
  const limit = Number(text ?? usual);
  if (limit > maximum) throw new Problem(400, 'limit-too-large', `a page has ${maximum} rows at most`);
  return limit;
}
