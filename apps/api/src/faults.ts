import { Controller, Get } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { faultCatalogue } from '@recourse/disputes';
import { everyRole, Reads } from './route.js';

@ApiTags('disputes')
@Controller('faults')
export class Faults {
  @Get()
  @Reads(...everyRole)
  @ApiOperation({ summary: 'What can go wrong with a unit: whose fault it is, what proves it, and what follows' }) // S08
  list() {
    return { faults: faultCatalogue };
  }
}
